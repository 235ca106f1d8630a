"""``python -m adaptor.cli``."""

from adaptor.cli.main import main

main()
