# Runs Postgres for as long as the other end of the pipe on our input is open, and clears up afterwards.
# Orders come in on the pipe, one a line: initdb; start; while Postgres runs, the name of a signal for it.
# Answers go out on our output: "initdb STATUS", "pid NUMBER", "exited STATUS".
trap '' HUP INT TERM PIPE
exec 3<&0 </dev/null
bin=$1 data=$2 log=$3 user=$4 last_signal=$5 rubbish=$6
shift 6

while read -r order <&3; do
    case $order in
    initdb)
        "$bin/initdb" -D "${data}.unfinished" -U "$user" -E UTF8 --locale=C --auth=trust -N \
            >>"$log" 2>&1 3<&-
        echo "initdb $?"
        ;;
    start)
        "$bin/postgres" -D "$data" "$@" >>"$log" 2>&1 3<&- &
        pid=$!
        {
            while read -r signal <&3; do kill -s "$signal" "$pid"; done
            kill -s "$last_signal" "$pid"
        } >/dev/null &
        ear=$!
        echo "pid $pid"
        wait "$pid"
        status=$?
        kill -s KILL "$ear"
        wait "$ear"
        echo "exited $status"
        ;;
    esac
done
rm -rf "$rubbish"
