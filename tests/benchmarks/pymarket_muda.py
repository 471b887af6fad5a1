"""MUDA by pymarket, run by the interpreter of an environment of its own: file of orders in, one line of JSON out."""

import json
import sys
import time

import numpy as np


def main(name: str) -> None:
    import pymarket  # type: ignore[import-not-found]

    orders = np.load(name)
    market = pymarket.Market()
    columns = (orders["quantity_wh"].tolist(), orders["price_micro"].tolist(), (orders["side"] > 0).tolist())
    for user, (quantity, price, buys) in enumerate(zip(*columns, strict=True)):
        market.accept_bid(quantity, price, user, buys, 0)
    started = time.perf_counter()
    transactions, _ = market.run("muda", r=np.random.RandomState(0))
    seconds = time.perf_counter() - started
    table = transactions.get_df()
    bought = table[table["bid"].map(lambda bid: columns[2][int(bid)])]
    print(json.dumps({"seconds": seconds, "volume_wh": int(bought["quantity"].sum())}))


if __name__ == "__main__":
    main(sys.argv[1])
