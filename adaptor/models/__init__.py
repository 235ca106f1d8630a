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
[Rasmussen06]    Rasmussen, Williams, "Gaussian Processes for Machine Learning", 2006, ch. 2 (regression),
                 ch. 4 (covariance functions), ch. 5 (marginal likelihood, leave-one-out in closed form)
[Hoeting99]      Hoeting, Madigan, Raftery, Volinsky, "Bayesian Model Averaging: A Tutorial",
                 Statistical Science 14(4), 1999
[Friedman01]     Friedman, "Greedy Function Approximation: A Gradient Boosting Machine",
                 Annals of Statistics 29(5), 2001
[Wolpert92]      Wolpert, "Stacked Generalization", Neural Networks 5(2), 1992
[Vovk15]         Vovk, "Cross-Conformal Predictors", Annals of Mathematics and Artificial Intelligence 74, 2015
[Amdahl67]       Amdahl, "Validity of the Single Processor Approach to Achieving Large Scale Computing
                 Capabilities", AFIPS 1967
[Will21]         Will, Thamsen, Scheinert, Bader, Kao, "C3O: Collaborative Cluster Configuration Optimization for
                 Distributed Data Processing in Public Clouds", IC2E 2021
[Thamsen17]      Thamsen, Verbitskiy, Beilharz, Renner, Polze, Kao, "Ellis: Dynamically Scaling Distributed Dataflows
                 to Meet Runtime Targets", CloudCom 2017
[Koch17]         Koch, Thamsen, Schmidt, Kao, "SMiPE: Estimating the Progress of Recurring Iterative Distributed
                 Dataflows", PDCAT 2017
[Dantzig63]      Dantzig, "Linear Programming and Extensions", 1963: a basic optimum has as many parts as constraints
[Ferguson12]     Ferguson, Bodik, Kandula, Boutin, Fonseca, "Jockey: Guaranteed Job Latency in Data Parallel
                 Clusters", EuroSys 2012
[Shah14]         Shah, Wilson, Ghahramani, "Student-t Processes as Alternatives to Gaussian Processes",
                 AISTATS 2014
[Hogg10]         Hogg, Bovy, Lang, "Data analysis recipes: Fitting a model to data", arXiv:1008.4686, 2010: mixtures
                 of right and wrong points
[Simpson17]      Simpson, Rue, Riebler, Martins, Sorbye, "Penalising Model Component Complexity", Statistical
                 Science 32(1), 2017: exponential priors of standard deviations
[Gunther07]      Gunther, "Guerrilla Capacity Planning", 2007, ch. 4: the universal scalability law
[Kellerer04]     Kellerer, Pferschy, Pisinger, "Knapsack Problems", 2004, ch. 11: several choices for each item
[Lawler69]       Lawler, Moore, "A Functional Equation and Its Application to Resource Allocation and Sequencing
                 Problems", Management Science 16(1), 1969
================ ======================================================================================
"""
