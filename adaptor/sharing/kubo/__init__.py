"""The log over Kubo: `block_store` keeps blocks in a node, `transport` meets other nodes through it.

Both speak to the node through `api`, which is where aioipfs is, and where its exceptions end.
"""
