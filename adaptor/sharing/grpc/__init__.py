"""The embedded transport: adaptors call each other over gRPC with TLS, and prove who they are with their keys.

A server shows a certificate that its identity vouches for (`adaptor.sharing.certificates`), a caller proves itself in
the metadata of each call (`proof`). `server` answers, `transport` calls; `channels` keeps the connections and pins on
each the one certificate that was checked.
"""
