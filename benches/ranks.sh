#!/usr/bin/env bash
# Two ranks against one, a thread each, in turns: positions and weights of synthesized neurons, to a memory file system.
# What bounds it: both cores have to be free, and memory, which both write; so plain programs that write as much as the
# electrodes file has, one or two at once, stand beside. Of each turn the two
# are compared with each other, since machines change their speed; the launcher's start is included.
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

# tells NAME WHO: what the turns in `one` and `two` took, and how many times faster two were, the median of the turns first
tells() {
    local turn
    for ((turn = 0; turn < turns; turn++)); do
        echo "${one[turn]} ${two[turn]}"
    done | awk -v name="$1" -v who="$2" '
        { a[NR] = $1; b[NR] = $2; r[NR] = $1 / $2 }
        function sort(x, i, j, t) { for (i = 2; i <= NR; i++) for (j = i; j > 1 && x[j - 1] > x[j]; j--) { t = x[j]; x[j] = x[j - 1]; x[j - 1] = t } }
        END { sort(a); sort(b); sort(r); m = int((NR + 1) / 2)
              printf "%-10s 1 %s %.2f s, 2 %ss %.2f s, medians: %.2f times (%.2f to %.2f)", name, who, a[m], who, b[m], r[m], r[1], r[NR] }'
}

compare() {
    local name=$1 output=$2 one=() two=()
    shift 2
    : >balance
    for ((turn = 0; turn < turns; turn++)); do
        rm -rf "$output" && one+=("$(timed 1 "$@")")
        rm -rf "$output" && two+=("$(timed 2 "$@")")
    done
    tells "$name" rank
    echo "; slowest rank / mean $(sort -n balance | head -1) to $(sort -n balance | tail -1)"
}

echo "$cells neurons, $parts parts, 64 LineSource contacts, $turns turns; load $(cut -d' ' -f1 /proc/loadavg)"
compare positions made positions circuit/simulation_config.json -o made --segments-per-part $((cells * 270 / 24))
compare weights weights.h5 weights table electrodes.csv -o weights.h5
mebibytes=$(($(stat -c %s weights.h5) >> 20))
rm -rf weights.h5 made
one=() two=()
for ((turn = 0; turn < turns; turn++)); do
    one+=("$(plainly 1)") two+=("$(plainly 2)")
done
tells plain program
echo ", for $mebibytes MiB together"
