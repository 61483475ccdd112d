"""OCPP 2.1's spelling where it differs from 2.0.1's. Pure."""

from stationd.ocpp.v201.wire import TokenRules

TOKENS = TokenRules(max_length=255, types=None)
"""Longer tokens, and types in words of the CSMS's own."""
