#!/usr/bin/env bash
# Shows on a real SLURM that an array run makes the same seeds, byte for byte, as one run does.
#
#   apt-get install slurm-wlm munge      (Debian, as root)
#   npm ci && npm run build
#   scripts/slurm/check.sh               (as root: it starts munged, slurmctld and slurmd on this machine alone)
#
# It makes seeds of VOC_ROOT's SPLIT (default: the sample in this repository) once in a single process and once by
# examples/slurm.sbatch as an array of four tasks, loses what one task has done, submits that task alone again, merges the
# parts, and compares.
set -euo pipefail
cd "$(dirname "$0")/../.."
export VOC_ROOT=${VOC_ROOT:-$PWD/data/sample}
export SPLIT=${SPLIT:-sample} LABELS=${LABELS:-xml}
export VOC_SEEDS="$(command -v node) $PWD/bin/voc-seeds.js"

work=$(mktemp -d)
host=$(hostname -s)
export SLURM_CONF=$work/slurm.conf
cleanup() {
  for daemon in slurmd slurmctld; do [ -s "$work/$daemon.pid" ] && kill "$(cat "$work/$daemon.pid")" 2>/dev/null; done
  sleep 1
  rm -rf "$work"
}
trap cleanup EXIT

cat > "$SLURM_CONF" <<CONF
ClusterName=check
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
mkdir -p "$work/state" "$work/spool"
if ! munge -n | unmunge > /dev/null 2>&1; then
  mkdir -p /run/munge && chown munge: /run/munge
  su -s /bin/sh munge -c munged
  sleep 1
fi
slurmctld && slurmd && sleep 3

# Submits the example and waits until its tasks have ended.
submit() {
  sbatch --wait --cpus-per-task=1 --mem=0 --output="$work/task-%a.log" "$@" || { cat "$work"/task-*.log; exit 1; }
}

$VOC_SEEDS generate --voc-root "$VOC_ROOT" --split "$SPLIT" --labels "$LABELS" --out "$work/single" > /dev/null 2>&1
export OUT=$work/array
submit --array=1-4 examples/slurm.sbatch
echo "merged after the array:        $($VOC_SEEDS merge "$OUT")"

# Task 3 is lost: its journal lacks its last line, and its last photograph has no seeds.
lost=$(tail -n 1 "$OUT/journal-3of4" | sed 's/.*"id":"\([^"]*\)".*/\1/')
sed -i '$d' "$OUT/journal-3of4"
rm "$OUT/SegmentationClass/$lost.png" "$OUT/run-3of4.json"
submit --array=3 examples/slurm.sbatch
grep -h 'works on shard' "$work/task-3.log"
echo "merged after task 3 ran again: $($VOC_SEEDS merge "$OUT")"

diff -r "$work/single/SegmentationClass" "$OUT/SegmentationClass"
diff -r "$work/single/ImageSets" "$OUT/ImageSets"
echo "$(ls "$OUT/SegmentationClass" | wc -l) seeds of the array run are those of the single run, byte for byte"
