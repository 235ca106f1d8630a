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
3. By priority, the higher first. Of its targets the most weighted ones are pursued that fit, each before it is due,
   into the slot-seconds there will be (`adaptor.arbitration.admission`). They get the cheapest slots with which they
   are on time, the cost of changes included; where these do not fit at once, the most weighted ones
   (`adaptor.arbitration.targets`). What they leave goes to targets that are not pursued but can be met by it, then to
   more certainty, then to pursued runs that must catch up later, then to those without a target.
4. Runs whose target is out of reach share what is left, by priority and then by weighted max-min fairness.

Both steps of rule 3 are solved exactly, so more capacity never makes the weighted targets that are pursued fewer.
"""
