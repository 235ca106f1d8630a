"""Provisioners of clusters that adaptor does not start itself; the embedded cluster's is in `adaptor.local`."""
