#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/userdb, asked by userdbctl, getent and id: programs that others have written, under a /run of its own."""

import os
import pathlib
import subprocess
import tempfile

import tap

POSTERN = os.environ["POSTERN_COMMAND"]
SCALE = int(os.environ.get("TEST_SCALE", "1"))
PROGRAM = tap.BUILD / "examples" / "userdb" / "userdb-service"
MANY = 5000
SERVICE = "org.example.users"

PASSWD = """\
# of the engine
ada:x:4001:4100:Ada Lovelace,at home,,:/home/ada:/bin/bash
grace:x:4002:4100:Grace "Amazing" Hopper:/home/grace:/bin/sh
second:x:4001:4100::/:/bin/false
"""
GROUP = "engines:x:4100:\nnotes:x:4101:ada,grace\nships:x:4102:grace\n"

# In namespaces of its own: all that it starts ends with it. A line that begins with $ is a command, and what is below it
# is what that printed, with its status.
SCRIPT = r"""
mount -t tmpfs none /run && mkdir -p /run/systemd/userdb /run/db || exit 125
unset POSTERN_DIR XDG_RUNTIME_DIR
postern=$1 program=$2 service=$3 directory=$4
cp "$directory/passwd" "$directory/group" /run/db
start()
{
	"$program" $service /run/db &
	pid=$!
	"$postern" wait $service --deadline 10s
}
postern() { "$postern" "$@"; }
ask() { postern call $service io.systemd.UserDatabase."$@"; }
run() { echo "\$ $1"; eval "$1" 2>&1; echo "status $?"; }
start
ln -s /run/postern/$service/sock /run/systemd/userdb/$service
while read -r line; do run "$line"; done
"""


def by(service=SERVICE, **parameters):
    members = [f'"service":"{service}"']
    members += [f'"{name}":{value}' if isinstance(value, int) else f'"{name}":"{value}"' for name, value in parameters.items()]
    return "'{" + ",".join(members) + "}'"


def error(name, parameters=""):
    return f"postern call: {SERVICE}: {name}{': ' if parameters else ''}{parameters}\nstatus 1"


def friendly(*rows):
    return "\n".join(f"{name:>12}: {value}" for name, value in rows) + "\nstatus 0"


ADA = '{"record":{"userName":"ada","uid":4001,"gid":4100,"realName":"Ada Lovelace","homeDirectory":"/home/ada",' \
    f'"shell":"/bin/bash","service":"{SERVICE}"}},"incomplete":false}}'

# A sentence, a command, and all that it prints.
TESTS = [
    ("userdbctl_lists_the_service", "userdbctl services --no-legend", f"{SERVICE} yes\nstatus 0"),
    ("userdbctl_shows_a_user", "userdbctl user ada | grep -v 'OK:'",
     friendly(("User name", "ada"), ("Disposition", "regular"), ("UID", 4001), ("GID", "4100 (engines)"), ("Aux. Groups", "notes"),
              ("Real Name", "Ada Lovelace"), ("Directory", "/home/ada"), ("Storage", "classic"), ("Shell", "/bin/bash"),
              ("Passwords", "none"), ("Service", SERVICE))),
    ("userdbctl_shows_a_user_by_its_number", "userdbctl user 4002 --output=classic",
     'grace:x:4002:4100:Grace "Amazing" Hopper:/home/grace:/bin/sh\nstatus 0'),
    ("the_first_user_with_a_number_is_it", "userdbctl user 4001 --output=classic",
     "ada:x:4001:4100:Ada Lovelace:/home/ada:/bin/bash\nstatus 0"),
    ("userdbctl_shows_a_group_with_its_members", "userdbctl group notes",
     friendly(("Group name", "notes"), ("Disposition", "regular"), ("GID", 4101), ("Members", "ada\n              grace"),
              ("Service", SERVICE))),
    ("userdbctl_shows_the_groups_of_a_user", "userdbctl groups-of-user grace --no-legend", "grace notes\ngrace ships\nstatus 0"),
    ("userdbctl_shows_the_users_of_a_group", "userdbctl users-in-group notes --no-legend",
     "ada   notes\ngrace notes\nstatus 0"),
    ("userdbctl_lists_all_users", "userdbctl user --output=classic --no-legend | grep -c -e ^ada: -e ^grace: -e ^second:", "3\nstatus 0"),
    ("userdbctl_says_that_there_is_no_such_user", "userdbctl user charles", "User charles does not exist.\nstatus 1"),
    ("getent_finds_users_by_name_and_number", "getent passwd ada 4002",
     'ada:x:4001:4100:Ada Lovelace:/home/ada:/bin/bash\ngrace:x:4002:4100:Grace "Amazing" Hopper:/home/grace:/bin/sh\nstatus 0'),
    ("getent_finds_a_group_with_its_members", "getent group notes", "notes:x:4101:ada,grace\nstatus 0"),
    ("getent_lists_all_groups", "getent group | tail -n 3", "engines:x:4100:\nnotes:x:4101:ada,grace\nships:x:4102:grace\nstatus 0"),
    ("getent_says_that_there_is_no_such_user", "getent passwd charles", "status 2"),
    ("id_knows_the_groups_of_a_user", "id grace", "uid=4002(grace) gid=4100(engines) groups=4100(engines),4101(notes),4102(ships)\nstatus 0"),
    ("a_process_becomes_the_user_with_its_groups", "setpriv --reuid ada --regid engines --init-groups id -G -n", "engines notes\nstatus 0"),
    ("a_user_may_ask", "setpriv --reuid ada --regid engines --clear-groups getent passwd grace | cut -d : -f 1", "grace\nstatus 0"),

    ("a_record_is_as_described", "ask GetUserRecord " + by(userName="ada"), ADA + "\nstatus 0"),
    ("a_name_and_a_number_of_one_user_are_it", "ask GetUserRecord " + by(userName="ada", uid=4001), ADA + "\nstatus 0"),
    ("a_name_and_a_number_of_two_users_conflict", "ask GetUserRecord " + by(userName="ada", uid=4002),
     error("io.systemd.UserDatabase.ConflictingRecordFound")),
    ("no_record_is_an_error", "ask GetGroupRecord " + by(gid=1), error("io.systemd.UserDatabase.NoRecordFound")),
    ("another_service_is_an_error", "ask GetUserRecord " + by("io.systemd.Home", uid=4001), error("io.systemd.UserDatabase.BadService")),
    ("one_membership_is_answered_without_more", "ask GetMemberships " + by(userName="ada", groupName="notes"),
     '{"userName":"ada","groupName":"notes"}\nstatus 0'),
    ("all_users_need_more", "ask GetUserRecord " + by(), error("org.varlink.service.ExpectedMore")),
    ("all_users_come_one_by_one", "ask GetUserRecord --more " + by() + " | tail -n 1",
     ADA.replace('"ada"', '"second"').replace("Ada Lovelace", "").replace("/home/ada", "/").replace("bash", "false") + "\nstatus 0"),
    ("a_filter_is_told_to_be_unknown", "ask GetUserRecord " + by(uidMin=1),
     error("org.varlink.service.InvalidParameter", '{"parameter":"uidMin"}')),

    ("a_killed_service_answers_nobody", "{ kill -9 $pid; wait $pid; } 2>/dev/null; getent passwd ada", "status 2"),
    ("its_successor_answers_at_the_same_link", "start; getent passwd ada | cut -d : -f 1", "ada\nstatus 0"),
    ("files_are_read_at_each_call", "sed -i s/^ada:/augusta:/ /run/db/passwd; id -u augusta", "4001\nstatus 0"),
    ("thousands_of_users_come", f"seq -f '%.0f' 10001 {10000 + MANY} | sed 's/.*/u&:x:&:4100:One of many:\\/home\\/u&:\\/bin\\/sh/' >>/run/db/passwd;"
     " getent passwd | grep -c :4100:", f"{MANY + 3}\nstatus 0"),
    ("they_wait_for_a_caller_that_reads_slowly",
     "ask GetUserRecord --more " + by() + " | (sleep 1; wc -l)", f"{MANY + 3}\nstatus 0"),
    ("a_caller_that_leaves_among_them_is_harmless", "ask GetUserRecord --more " + by() + " 2>/dev/null | head -n 1 | wc -l; id -u grace", "1\n4002\nstatus 0"),
    ("files_that_are_missing_are_an_error", "rm /run/db/passwd; ask GetUserRecord " + by(uid=4001), error("io.systemd.UserDatabase.ServiceNotAvailable")),
    ("it_ends_with_0", "kill $pid; wait $pid", "status 0"),
]


def unshared(*command, **more):
    return subprocess.run(["unshare", "-m", "--pid", "--fork", "--mount-proc", *command], capture_output=True, text=True, check=False, **more)


def without():
    """What keeps this machine from running the tests, or nothing."""
    if not any(pathlib.Path("/usr/lib").glob("**/libnss_systemd.so.2")):
        return "libnss-systemd is not installed"
    if "systemd" not in subprocess.run("grep ^passwd: /etc/nsswitch.conf", shell=True, capture_output=True, text=True, check=False).stdout:
        return "nsswitch.conf does not name systemd"
    if unshared("true").returncode:
        return "namespaces of its own need root"
    return ""


def main():
    if not PROGRAM.exists():
        print("1..0 # SKIP the examples were not built")
        return
    tap.need("unshare", "setpriv", "userdbctl", "getent", "id")
    reason = without()
    if reason:
        print(f"1..0 # SKIP {reason}")
        return
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as directory:
        pathlib.Path(directory, "passwd").write_text(PASSWD)
        pathlib.Path(directory, "group").write_text(GROUP)
        done = unshared("bash", "-c", SCRIPT, "bash", POSTERN, str(PROGRAM), SERVICE, directory, timeout=50 * SCALE,
                        input="".join(command + "\n" for _, command, _ in TESTS))
    if done.returncode == 125:
        print("1..0 # SKIP cannot mount a /run of its own here")
        return
    printed = done.stdout.split("$ ")[1:]
    tap.result("every_command_was_run", [] if len(printed) == len(TESTS) and not done.stderr else f"{done.stdout}{done.stderr}")
    for (name, command, expected), part in zip(TESTS, printed):
        got = part[len(command):].strip("\n")
        tap.comment(f"$ {command}\n{got}")
        tap.result(name, [] if got == expected else f"expected:\n{expected}")
    tap.done()


main()
