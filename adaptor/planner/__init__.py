"""Which parallelism, and why: policies that turn a `Situation` into a `Choice`. Pure functions throughout.

`policies.POLICIES` names them all. The decision of adaptor's own policy is made in `runtime_target.choose` and
`efficiency_target.choose`; `exploration` holds what they do where the model knows too little.
"""
