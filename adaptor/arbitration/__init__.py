"""Shares a cluster's slots out among its runs, and says what can be taken back: pure functions over demands.

Who calls what:

* `allocate` turns the demands of all runs of one cluster into shares with reasons. Call it when a run starts, ends or
  reaches a barrier, and when capacity, quotas or leases change; clusters do not depend on each other.
* `slots_at_barrier` is what a run may take of its share at its barrier, while others still hold what they must give.
* `reclaim` previews what a manager could have back, and gives the shares that make it binding.

The rules, in this order:

1. Whole TaskManagers only; never more than the capacity, nor than a tenant's quota.
2. A run that holds slots and cannot wait at a barrier keeps its least. A run that waited longer than
   `ArbitrationSettings.longest_wait_s` gets its least before anybody gets more.
3. By priority, the higher first: the most weighted targets are met, and of all ways to do that the cheapest is taken,
   the cost of changes included. Runs of that priority that have no target share what they want of the rest.
4. Runs whose target is out of reach share what is left, by priority and then by weighted max-min fairness.

Rule 3 is solved exactly, as a knapsack with several choices for each run (`adaptor.arbitration.targets`), so more
capacity never meets fewer weighted targets of the highest priority whose shares differ.
"""
