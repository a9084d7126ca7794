#!/bin/sh
# A SLURM cluster of one machine: `slurm_cluster.sh start FOLDER [GPUS]`, then `stop FOLDER`.
#
# Run as root, after `apt-get install slurm-wlm munge`. The GPUs are simulated (a job sees its number
# in CUDA_VISIBLE_DEVICES), and so is the number of cores: two for each GPU.
set -e
folder=$(mkdir -p "$2" && cd "$2" && pwd)
gpus=${3:-4}
node=$(hostname -s)

configure() {
    mkdir -p "$folder/state" "$folder/spool"
    for i in $(seq 0 $((gpus - 1))); do # copies of /dev/null
        test -e "$folder/gpu$i" || mknod "$folder/gpu$i" c 1 3
    done
    cat >"$folder/gres.conf" <<EOF
NodeName=$node Name=gpu File=$folder/gpu[0-$((gpus - 1))]
EOF
    cat >"$folder/slurm.conf" <<EOF
ClusterName=one
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
# A requeued job waits until its old credentials expire, 120 s by default.
AuthInfo=cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,bf_interval=2
GresTypes=gpu
ReturnToService=2
KillWait=30
MpiDefault=none
NodeName=$node NodeAddr=127.0.0.1 CPUs=$((2 * gpus)) Gres=gpu:$gpus State=UNKNOWN
PartitionName=all Nodes=$node Default=YES MaxTime=INFINITE State=UP
EOF
}

case $1 in
start)
    configure
    pidof munged >/dev/null || runuser -u munge -- /usr/sbin/munged
    SLURM_CONF=$folder/slurm.conf slurmctld
    SLURM_CONF=$folder/slurm.conf slurmd
    sleep 2
    echo "export SLURM_CONF=$folder/slurm.conf"
    ;;
stop)
    kill "$(cat "$folder/slurmd.pid")" "$(cat "$folder/slurmctld.pid")"
    ;;
esac
