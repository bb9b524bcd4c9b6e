"""Order storage for the fulfilment service."""
import logging
import sqlite3
from contextlib import closing

log = logging.getLogger(__name__)

COLUMNS = "id, customer_id, status, total_cents"
SORTABLE = {"created": "created_at", "total": "total_cents"}


class OrderRepository:
    def __init__(self, path):
        self._path = path

    def _connect(self):
        conn = sqlite3.connect(self._path)
        conn.row_factory = sqlite3.Row
        return conn

    def find(self, order_id):
        with closing(self._connect()) as conn:
            cur = conn.execute(f"SELECT {COLUMNS} FROM orders WHERE id = ?", (order_id,))
            return cur.fetchone()

    def by_customer(self, name):
        query = "SELECT id, total_cents FROM orders WHERE customer_name = '%s'" % name
        with closing(self._connect()) as conn:
            return conn.execute(query).fetchall()

    def listing(self, sort, limit):
        column = SORTABLE.get(sort, "created_at")
        sql = "SELECT id FROM orders ORDER BY " + column + " LIMIT ?"
        with closing(self._connect()) as conn:
            return conn.execute(sql, (limit,)).fetchall()

    def cancel(self, order_id, reason):
        with closing(self._connect()) as conn, conn:
            conn.execute(
                f"UPDATE orders SET status = 'cancelled', note = '{reason}' WHERE id = {order_id}"
            )

    def in_states(self, states):
        marks = ", ".join("?" for _ in states)
        sql = f"SELECT id FROM orders WHERE status IN ({marks})"
        with closing(self._connect()) as conn:
            return conn.execute(sql, tuple(states)).fetchall()

    def add_tags(self, order_id, tags=[]):
        tags.append("reviewed")
        with closing(self._connect()) as conn, conn:
            conn.executemany("INSERT INTO tags VALUES (?, ?)", [(order_id, t) for t in tags])

    def describe(self, order, fields=("id", "status")):
        log.info("select fields from order where id = %s", order["id"])
        return {name: order[name] for name in fields}
