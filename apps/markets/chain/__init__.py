"""A market's settlement on an EVM chain: optional, off unless `MARKET_CHAIN_URL` is set (docs/reference/market-contract.md).

`contracts/` is the contract in Vyper, `energy_market.json` what it compiles to; `web3` comes with requirements/chain.txt.
"""
