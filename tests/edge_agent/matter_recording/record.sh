#!/bin/bash
# Records tests/data/matter/recorded-*.jsonl anew; see docs/reference/drivers/matter.md. Takes root, in namespaces of its own:
#   unshare --net --mount tests/edge_agent/matter_recording/record.sh MATTER_SERVER NODE_FOLDER PYTHON
# NODE_FOLDER has @matter/main and @matter/nodejs installed, PYTHON the project's requirements. /data has to exist.
set -eu
matter_server=$1 node_folder=$2 python=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
finish() {
    kill $(jobs -p) 2>/dev/null || true
    wait
    [ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap finish EXIT

connect() {
    ip link set lo up
    ip link set eth0 address "02:00:00:00:00:0$1" multicast on up
    ip addr add "192.0.2.$1/24" dev eth0
    ip -6 addr add "fd00:db8::$1/64" dev eth0 nodad
    ip route add 224.0.0.0/4 dev eth0
}
# The home has a network of its own, at the other end of a cable.
unshare --net sleep 600 &
home=$!
sleep 0.5
ip link add eth0 type veth peer name eth0 netns "$home"
connect 1
nsenter --target "$home" --net bash -c "$(declare -f connect); connect 2"
sleep 2

# The server's own things go to /data; it trusts the test authority that matter.js has, and asks no ledger.
mkdir "$work/data" "$work/server" "$work/authorities"
mount --bind "$work/data" /data
echo -n 1 > "$work/authorities/.version"
(cd "$node_folder" && node --input-type=module -e '
    import { TestCert_PAA_NoVID_Cert } from "@matter/protocol";
    import { writeFileSync } from "node:fs";
    writeFileSync(process.argv[1], TestCert_PAA_NoVID_Cert);
' "$work/authorities/test.der")

cp "$here/home.mjs" "$node_folder/home.mjs"
MATTER_STORAGE_PATH="$work/home" nsenter --target "$home" --net node "$node_folder/home.mjs" > "$work/home.log" 2>&1 &
"$matter_server" --storage-path "$work/server" --paa-root-cert-dir "$work/authorities" --primary-interface eth0 \
    --listen-address 127.0.0.1 > "$work/server.log" 2>&1 &
sleep 3
cd "$here/../../.."
timeout 120 "$python" -m tests.edge_agent.matter_recording.record MT:Y.K90AFN00KA0648G00
