"""The few verified fakes that tests use; product code never imports them."""
