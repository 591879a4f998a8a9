#!/usr/bin/env bash
# Compares two ranks with one, a thread each, in alternating rounds: positions and weights of synthesized neurons, written to
# a memory file system.
# Bounds: both cores must be free, and both ranks write to memory; so plain programs that write as many bytes as the
# electrodes file, one or two at once, are timed for comparison. The two runs of each round are compared with each other,
# because the speed of machines varies; the launcher's start is included.
#
#   cargo build --release --features mpi && benches/ranks.sh target/release/leadfield
#
# CELLS=n and TURNS=n set the numbers of neurons and rounds, FOLDER the place of the files.
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
# 24 parts of the table: 12 per rank
"$program" positions circuit/simulation_config.json -o table --quiet --segments-per-part $((cells * 270 / 24))
parts=$(find table -name 'part-*' | wc -l)

# timed RANKS ARGUMENTS...: prints seconds, and appends the balance that rank 0 reports to the file `balance`
timed() {
    local ranks=$1 start
    shift
    start=$(date +%s.%N)
    mpirun --bind-to core -n "$ranks" "$program" "$@" --threads 1 >/dev/null 2>messages
    echo "$(date +%s.%N) - $start" | bc
    grep -o 'slowest [0-9.]*' messages | cut -d' ' -f2 >>balance || true
}

# plainly PROGRAMS: prints the seconds in which this many programs write `mebibytes` MiB together, each to its own file
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

# summarise NAME WHO: prints the times of the rounds in `one` and `two`, and the speedup of two (median, minimum, maximum)
summarise() {
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
    summarise "$name" rank
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
summarise plain program
echo ", for $mebibytes MiB together"
