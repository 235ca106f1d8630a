"""How long would a superstep take at another parallelism, and how sure is that?

Papers that formulas cite by key:

================ ======================================================================================
[Venkataraman16] Venkataraman et al., "Ernest: Efficient Performance Prediction for Large-Scale Advanced
                 Analytics", NSDI 2016: the law of scale-out and its fit by non-negative least squares
[Thamsen16]      Thamsen, Renner, Kao, "Continuously Improving the Resource Utilization of Iterative
                 Parallel Dataflows", ICDCS Workshops 2016: rescaling at iteration barriers
[Thamsen16b]     Thamsen, Verbitskiy, Schmidt, Renner, Kao, "Selecting Resources for Distributed Dataflow
                 Systems According to Runtime Targets" (Bell), IPCCC 2016: a law beside a local model
[Gelman13]       Gelman et al., "Bayesian Data Analysis", 3rd edition, 2013, ch. 3 and 5: scaled inverse
                 chi-square priors, shrinkage of group means
================ ======================================================================================
"""
