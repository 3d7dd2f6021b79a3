"""Refreshments: what vending machines hold, who is offered what, vouchers and stock."""
