"""The timeline of a visit: all that happened in it, told alike to host, security and visitor.

A subject adds its part with one function in a module of its own here, and one line in `whole.SOURCES`:

    def drinks(told: Told) -> Iterator[Entry]:
        for order in refreshments.orders_of(told.work.session, told.visitors):
            yield Entry(Kind.DRINK, order.id, order.at, Badge("good", "drink", gettext("Drink")), order.visitor)

`Told` says of which visitors, and to whom: what only staff may read is left out where `told.to_visitor`.
"""
