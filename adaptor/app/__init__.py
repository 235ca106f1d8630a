"""Composition root: the only package that knows every back end and puts them together."""
