"""Users who arrive one after another, each choosing a scale-out for a runtime target with what the log holds by then.

`arrivals` draws who comes with what, `log` is what they leave to each other, `choice` asks the production planner,
`regret` plays whole orders and judges them.
"""
