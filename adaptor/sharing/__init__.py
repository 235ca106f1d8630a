"""Sharing observations with peers. The port is `adaptor.engine.ports.Publisher`."""
