"""A Kubo node of our own: found or built, configured to be private, started and stopped as a plain process.

`binary` finds the program or lets `build` make it from the Go module in `module/`, whose `go.sum` pins every byte;
`configuration` says what a private node is, `repository` keeps one, `node` starts and ends it, `rpc` asks how it is.
Blocks and messages go another way: `adaptor.sharing.kubo`.
"""
