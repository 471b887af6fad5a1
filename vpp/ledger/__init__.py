"""An append-only log anyone can check: canonical entries, a hash chain, a Merkle tree, signed roots. No I/O.

==================  ========================================================================================
`canonical_bytes`   one byte string for one payload
`Log`               seals payloads one after another: leaf hash, chain hash, root; gives proofs
`verify_inclusion`  that an entry is in the log of a root, with log2(N) hashes and nobody else's data
`verify_consistency`  that a later root only added to an earlier one
`sign_root`         an Ed25519 signature over log, size, root, chain hash and time; `verify_root` checks it
`find_tampering`    the first entry whose payload, salt, number or link was changed
`locate_by_roots`   between which two signed sizes a log that was rewritten whole went another way
==================  ========================================================================================

An entry is `salt || canonical payload`; the salt (16 random bytes or more, from the caller) keeps others from guessing
payloads from the hashes in their own proofs. Tree and proofs are those of RFC 6962 (section 2.1), byte for byte.
"""
