"""One HTML page for every experiment: question, figures with baselines, tables, plots, command, seeds, versions.

An experiment fills the fields of its `Report` and calls `write_report`, which writes `NAME.json`, `NAME.html`
and `NAME-PLOT.svg` for each plot:

    from adaptor.experiments.html_report.page import write_report
    from adaptor.experiments.plots import DataTable, Plot, Series, Shape

    steps = Plot(
        name="parallelism",
        title="Parallelism over supersteps",
        x_label="superstep",
        y_label="parallelism",
        series=[Series(name="adaptor", x=[1, 2, 3], y=[1, 2, 2], shape=Shape.STEPS)],
    )
    costs = Plot(
        name="cost",
        title="Cost against time",
        x_label="runtime, s",
        y_label="slot-seconds",
        series=[Series(name="static", x=[91, 60], y=[91, 120], labels=["1", "2"], shape=Shape.POINTS)],
        front=True,
    )
    table = DataTable(name="policies", columns=["policy", "regret, %"], rows=[["adaptor", 3.1], ["static", 20.0]])
    report = Report(title="...", question="...?", figures=[...], seeds={...}, plots=[steps, costs], tables=[table])
    for path in write_report(report, folder, name="replay"):
        console.print(f"wrote {path}")

A command takes `report_option` and calls `write_to`, both of `adaptor.cli.options`.

`low` and `high` of a series draw a band; `x_names` of a plot make its x axis one of categories at 0, 1, 2, ...
The pictures follow the reader's colour scheme by themselves, as those of a README have to.
Series and tables are part of the JSON, so `adaptor.experiments.frames` gives them back as data frames.
"""
