#!/usr/bin/env bash
# Two ranks against one, a thread each, in turns: positions and weights of synthesized neurons, to a memory file system.
# What bounds it: both cores have to be free, and memory, which both write; so plain programs that write as much as the
# electrodes file has, one or two at once, stand beside. The least wall time of the turns counts, the launcher's start
# included.
#
#   cargo build --release --features mpi && benches/ranks.sh target/release/leadfield
#
# CELLS=n and TURNS=n for other numbers of neurons and turns, FOLDER for another place.
set -euo pipefail
program=$(realpath "${1:?usage: benches/ranks.sh PROGRAM}")
cells=${CELLS:-30000} turns=${TURNS:-5}
folder=$(mktemp -d "${FOLDER:-/dev/shm}/ranks.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# as root, in a container without ssh
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_plm_rsh_agent=

"$program" synthesize circuit --quiet --with-report --cells "$cells" --morphologies 20
{
    echo name,x,y,z
    for ((i = 0; i < 64; i++)); do echo "c$i,$((20 * (i % 4))),$((20 * (i / 4))),5"; done
} >electrodes.csv
# 24 parts of the table: 12 a rank
"$program" positions circuit/simulation_config.json -o table --quiet --segments-per-part $((cells * 270 / 24))
parts=$(find table -name 'part-*' | wc -l)

# timed RANKS ARGUMENTS...: seconds, and what rank 0 tells of the balance
timed() {
    local ranks=$1 start
    shift
    start=$(date +%s.%N)
    mpirun --bind-to core -n "$ranks" "$program" "$@" --threads 1 >/dev/null 2>told
    echo "$(date +%s.%N) - $start" | bc
    grep -o 'slowest [0-9.]*' told | cut -d' ' -f2 >>balance || true
}

# plainly PROGRAMS: seconds in which so many programs write MEBIBYTES together, each to a file of its own
plainly() {
    local start i
    start=$(date +%s.%N)
    for ((i = 0; i < $1; i++)); do
        dd if=/dev/zero of="plain.$i" bs=1M count=$((mebibytes / $1)) status=none &
    done
    wait
    echo "$(date +%s.%N) - $start" | bc
    rm -f plain.*
}

least() { printf '%s\n' "$@" | sort -n | head -1; }

compare() {
    local name=$1 output=$2 one=() two=() a b
    shift 2
    : >balance
    for ((turn = 0; turn < turns; turn++)); do
        rm -rf "$output" && one+=("$(timed 1 "$@")")
        rm -rf "$output" && two+=("$(timed 2 "$@")")
    done
    a=$(least "${one[@]}") b=$(least "${two[@]}")
    printf '%-10s 1 rank %.2f s, 2 ranks %.2f s: %.2f times; slowest rank / mean %s to %s\n' "$name" "$a" "$b" \
        "$(echo "scale=4; $a / $b" | bc)" "$(sort -n balance | head -1)" "$(sort -n balance | tail -1)"
}

echo "$cells neurons, $parts parts, 64 LineSource contacts, least of $turns turns each; load $(cut -d' ' -f1 /proc/loadavg)"
compare positions made positions circuit/simulation_config.json -o made --segments-per-part $((cells * 270 / 24))
compare weights weights.h5 weights table electrodes.csv -o weights.h5
mebibytes=$(($(stat -c %s weights.h5) >> 20))
rm -rf weights.h5 made
one=() two=()
for ((turn = 0; turn < turns; turn++)); do
    one+=("$(plainly 1)") two+=("$(plainly 2)")
done
a=$(least "${one[@]}") b=$(least "${two[@]}")
printf '%-10s 1 program %.2f s, 2 programs %.2f s: %.2f times, for %d MiB together\n' plain "$a" "$b" \
    "$(echo "scale=4; $a / $b" | bc)" "$mebibytes"
