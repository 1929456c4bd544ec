#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bugs that the simulation must find: each is put into a copy of one file of src/core/, and has to be caught.

A bug is a few replaced texts, each of which must stand in the file exactly once: a change of the sources that moves it shows
here. sim-*.c is linked with the file that has the bug, and leads the lives of seeds 1 to 1,000.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "process"))
import tap  # noqa: E402

LIVES = 1000
CORE = ["calling", "serving", "message", "frame", "topic", "glue", "flight"]
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-w", f"-I{tap.SOURCE}/include", f"-I{tap.SOURCE}/src"]

# name, file, (text, what stands there instead)...
BUGS = [
    # ---- calling: what became of a call ----
    ("a call joins a connection that another one has left without an answer", "calling",
     ("conn->retired = true;\n\tif (c->shared == conn)\n\t\tc->shared = NULL;", "conn->retired = true;"),
     ("assert(!conn->retired);", "")),
    ("a call is not sent, and its NUL went", "calling",
     ("return call->conn && call->to <= call->conn->sent;", "return call->conn && call->to < call->conn->sent;")),
    ("a call whose connection is lost is not sent, and its NUL went", "calling",
     ("calling_end(c, call, POSTERN_END_NO_ANSWER, why);", "calling_end_unsent(c, call, why);")),
    ("a call that was sent is sent once more after a loss", "calling",
     ("\t\tcalling_end(c, call, POSTERN_END_NO_ANSWER, why);",
      "\t{ list_remove(&call->place); call->conn = NULL; list_append(&c->ready, &call->place); }")),
    ("a oneway call is sent when it is queued", "calling",
     ("(call = calling_first(&conn->writing)) && call->to <= conn->sent)",
      "(call = calling_first(&conn->writing)) && call->to <= conn->written)")),
    ("a oneway call waits for an answer", "calling",
     ("if (call->flags & POSTERN_CALL_ONEWAY) {", "if (0) {")),
    ("a freed call that had ended is counted twice", "calling",
     ("if (call->end && call->end != POSTERN_END_CONTINUES) {", "if (0) {")),
    ("calls that wait to be tried again outlive the caller", "calling",
     ("\tcalling_cancel_list(c, &c->later);\n", "")),
    ("calls that were not sent lose their place", "calling",
     ("\tlist_splice(&conn->writing, to);\n\tlist_splice(to, &conn->writing);\n",
      "\tlist_splice(to, &conn->writing);\n")),
    ("each call is one more than the limit allows", "calling",
     ("if (c->n >= c->limits.calls)", "if (c->n > c->limits.calls)")),
    # ---- calling: which answer is whose ----
    ("the answer of a call that has left is given to the next one", "calling",
     ("->skip += call->skip + 1;", "->skip += 0;")),
    ("of several answers of calls that have left one is skipped", "calling",
     ("->skip += call->skip + 1;", "->skip = 1;")),
    ("an answer continues, and more was not asked for", "calling",
     ("(call->skip > 0 || !(call->flags & POSTERN_CALL_MORE))", "(call->skip > 0)")),
    ("an answer that nobody has asked for is passed over", "calling",
     ("\tif (*ret_wrong)\n\t\treturn -EBADMSG;", "\tif (*ret_wrong)\n\t\treturn call ? -EBADMSG : 0;")),
    # ---- calling: refusals ----
    ("a refused call is tried again after its deadline", "calling",
     ("\tif (at >= call->deadline_ns)\n\t\treturn false;\n", "")),
    ("a refused call is tried sooner than the service wants", "calling",
     ("POSTERN_MS(call->retry_ms) + calling_backoff(c, call->refusals++)", "calling_backoff(c, call->refusals++)")),
    ("a call that has begun is tried again", "calling",
     ("int refusal = call->begun ? 0 : calling_refusal(answer);", "int refusal = calling_refusal(answer);")),
    ("a refused call that was not sent again has not been sent", "calling",
     ("calling_end(c, call, call->refused ? POSTERN_END_FAILED : POSTERN_END_NOT_SENT, why);",
      "calling_end(c, call, POSTERN_END_NOT_SENT, why);")),
    # ---- calling: connections and time ----
    ("what is queued for a connection that is given up is sent", "calling",
     ("calling_due(c, conn, DUE_UNWRITE);", ";")),
    ("a connection stays open that takes no call", "calling",
     ("if (conn->retired || conn->alone)", "if (conn->alone)")),
    ("an idle connection stays open", "calling",
     ("if (time_after(conn->empty_ns, c->limits.idle_ns) <= now)", "if (0)")),
    ("a call with more waits for ever for room", "calling",
     ("if (conn->alone && call && call->to == CALLING_UNWRITTEN)", "if (0)")),
    ("calls wait for ever for room", "calling",
     ("\tconn->full = false;\n", "")),
    ("nobody looks at the deadline of a new call", "calling",
     ("\tcalling_need(c, deadline_ns);\n\treturn 0;", "\treturn 0;")),
    ("nobody connects again after a loss", "calling",
     ("\t\t\tcalling_need(c, c->connect_ns);\n\t\t}", "\t\t\t;\n\t\t}")),
    ("a failed connect ends calls that came later", "calling",
     ("\t\tif (call->since_ns <= begun_ns)\n", "")),
    ("a failed connect leaves a call that it was for", "calling",
     ("if (call->since_ns <= begun_ns)", "if (call->since_ns < begun_ns)")),
    # ---- serving ----
    ("a oneway call is lost when its peer hangs up", "serving",
     ("return s->refuses == SERVING_IS_BUSY ? SERVING_DROP : SERVING_RUN;",
      "return s->left || s->refuses == SERVING_IS_BUSY ? SERVING_DROP : SERVING_RUN;")),
    ("a oneway call is answered", "serving",
     ("\tif (s->flags & POSTERN_CALL_ONEWAY && how != SERVING_UPGRADES)\n\t\treturn 0;\n", "")),
    ("a oneway call is answered with Draining", "serving",
     ("if (oneway)\n", "if (oneway && s->refuses != SERVING_DRAINS)\n")),
    ("a final answer goes twice", "serving",
     ("\tif (!s->open)\n\t\treturn -ESTALE;\n", "\tif (!s->open && s->flags)\n\t\treturn -ESTALE;\n")),
    ("Busy is said to a oneway call, which has not asked for anything", "serving",
     ("return s->refuses == SERVING_IS_BUSY ? SERVING_DROP : SERVING_RUN;",
      "return s->refuses == SERVING_IS_BUSY ? SERVING_REFUSE : SERVING_RUN;"),
     ("\tif (s->flags & POSTERN_CALL_ONEWAY && how != SERVING_UPGRADES)\n\t\treturn 0;\n", "")),
    ("Busy is said to each call, and not once", "serving",
     ("s->over = s->refuses == SERVING_IS_BUSY;", "s->over = false;")),
    ("a hang-up is missed while a call is open", "serving",
     ("\tif (cancels)\n\t\ts->open = false;\n\treturn cancels;", "\treturn false;")),
    ("a hang-up is missed behind calls that were not read", "serving",
     ("\ts->left = true;\n", "")),
    ("a oneway call is cancelled when its peer hangs up", "serving",
     ("bool cancels = s->open && !(s->flags & POSTERN_CALL_ONEWAY);", "bool cancels = s->open;")),
    ("an answer continues that may not", "serving",
     ("return s->flags & POSTERN_CALL_MORE;", "return true;")),
    ("an answer that continues ends its call", "serving",
     ("\tif (how != SERVING_CONTINUES)\n\t\ts->open = false;", "\ts->open = false;")),
    # ---- upgrades ----
    ("an upgraded connection is read as calls", "serving",
     ("s->upgraded = how == SERVING_UPGRADES;", "s->upgraded = false;")),
    ("an error upgrades a connection", "serving",
     ("s->upgraded = how == SERVING_UPGRADES;",
      "s->upgraded = how != SERVING_CONTINUES && s->flags & POSTERN_CALL_UPGRADE;")),
    ("a reply confirms an upgrade that is not done", "serving",
     ("return !upgrades;", "return true;")),
    ("a call is upgraded that has not asked for it", "serving",
     ("\t\treturn upgrades;", "\t\treturn true;")),
    ("an upgraded connection is closed as that of a call with more is", "calling",
     ("if (call->flags & POSTERN_CALL_UPGRADE && !answer->error.text)", "if (0)")),
    ("the connection of an upgrade that has failed stays open", "calling",
     ("if (call->flags & POSTERN_CALL_UPGRADE && !answer->error.text)",
      "if (call->flags & POSTERN_CALL_UPGRADE)")),
    ("an upgrade takes the connection of other calls", "calling",
     ("(POSTERN_CALL_MORE | POSTERN_CALL_UPGRADE)", "(POSTERN_CALL_MORE)")),
    ("bytes behind the NUL of a call are lost", "frame",
     (".used = end ? length + 1 : n", ".used = end && (length + 1 == n || end[1] == '{') ? length + 1 : n")),
    ("a byte behind the NUL of a call is lost", "frame",
     (".used = end ? length + 1 : n",
      ".used = !end ? n : length + 1 + (length + 1 < n && end[1] == 'r')")),
    # ---- descriptors ----
    ("a descriptor is given to the wrong one of glued messages", "glue",
     ("is & GLUE_TAKES && glue_begins_there(g, where))", "is & GLUE_TAKES && glue_begins_there(g, where) && g->owner == GLUE_NONE)")),
    ("a descriptor is given to the last of glued messages, which takes none", "glue",
     ("is & GLUE_TAKES && glue_begins_there(g, where))", "glue_begins_there(g, where))")),
    ("a descriptor is given to a message that began before it came", "glue",
     ("return begin >= g->from && begin < g->to;", "return begin < g->to;")),
    ("a descriptor is given away before the last message is whole", "glue",
     ("return n - skip >= GLUE_PREFIX || takes(data, bytes + skip, n - skip, 0, false);", "return false;")),
    ("a call that upgrades waits with its descriptor for a message that never ends", "glue",
     ("return is & GLUE_ENDS;", "return false;")),
    ("a descriptor of a call that upgrades is given to the bytes behind it", "glue",
     ("!(is & GLUE_ENDS) && ", ""), ("return is & GLUE_ENDS;", "return false;")),
    ("a descriptor in flight is given back", "flight", ("+ buffers > unread)", "+ buffers >= unread)")),
    ("each send counts as more than the kernel says", "flight", ("buffers += FLIGHT_BUFFER;", "buffers += FLIGHT_BUFFER + 1;")),
    ("the bytes behind a message are counted twice", "flight", ("if (sent - f->at + buffers", "if (2 * (sent - f->at) + buffers")),
    ("what was read is charged for ever", "flight", ("+ buffers > unread)", "+ buffers > unread && unread > 0)")),
    ("of what was read one is charged for ever", "flight", ("\t\tif (first == last)\n", "\t\tif (first == last || flights->next == last)\n")),
    ("an end of a message is missed, and a descriptor never given", "glue",
     ("n > before && memchr(bytes + before, '\\0', n - before)", "n > before + 1 && memchr(bytes + before + 1, '\\0', n - before - 1)")),
    ("a call with a descriptor is glued to calls before it", "calling",
     ("if (!list_is_empty(&shared->writing) || !list_is_empty(&shared->awaiting))", "if (0)")),
    ("a call with a descriptor is glued to a oneway call before it", "calling",
     ("\t\t\tconn->unproven = call->to;\n", "")),
    ("a connection with a oneway call is never quiet again", "calling",
     ("if (call->skip == 0 && call->to > conn->unproven)", "if (0)")),
    ("a call with a descriptor waits for ever behind a oneway call", "calling",
     ("\tcalling_retire(c, shared);\n\tcalling_settle(c, shared, now);\n\treturn true;", "\treturn true;")),
    ("a descriptor for a call that has left ends the connection", "calling",
     ("return call->skip_takes ? GLUE_TAKES : 0;", "return 0;"), ("return conn->left_takes ? GLUE_TAKES : 0;", "return 0;")),
    ("a call with a descriptor that was refused is tried again without it", "calling",
     ("if (!refusal || c->limits.once || call->flags & CALLING_PASSES)",
      "if (!refusal || c->limits.once)")),
    # ---- topic ----
    ("latest replaces a half-sent message", "topic",
     ("r->item && r->at == 0 && r->item != t->last", "r->item && r->item != t->last")),
    ("latest goes on with the rest of the last state in the place of that of the message", "topic",
     ("r->item && r->at == 0 && r->item != t->last", "r->item && r->item != t->last"),
     ("\tr->item = to ? topic_ref(to) : NULL;\n\tr->at = 0;", "\tr->item = to ? topic_ref(to) : NULL;\n\tr->at = to && r->at < to->n ? r->at : 0;")),
    ("the last state does not come after a half-sent message", "topic",
     ("next = item == t->last ? NULL : t->last;", "next = NULL;")),
    ("latest sends a state that is not the last one", "topic",
     ("\t\ttopic_move(t, r, t->last);\n\treturn r->item;", "\t\t;\n\treturn r->item;")),
    ("a new subscriber does not get the present state", "topic",
     ("bool begins = t->last && (!t->limits.stateless || t->last->ends);", "bool begins = t->last && t->last->ends;")),
    ("events are a state", "topic",
     ("(!t->limits.stateless || t->last->ends)", "1")),
    ("a publication is lost that comes while its subscriber is behind", "topic",
     ("before->next = topic_ref(item);", "{ if (before->references == 1) before->next = topic_ref(item); }")),
    ("a queue skips as latest does", "topic",
     ("\tif (t->limits.policy == TOPIC_LATEST)\n\t\tnext", "\tif (next)\n\t\tnext")),
    ("a queue takes one more than its limit", "topic",
     ("t->number - r->begun > t->limits.messages", "t->number - r->begun > t->limits.messages + 1")),
    ("a queue counts what has begun as waiting", "topic",
     ("bytes = t->bytes - at->before - (r->at > 0 ? at->n : 0);", "bytes = t->bytes - at->before;")),
    ("two publications have one number", "topic",
     ("t->last = item;\n\tif (before", "t->last = item;\n\tt->number -= t->number > 3;\n\tif (before"),),
    ("Overflow says that one was dropped which has begun", "topic",
     ("r->begun = item->number;", "r->begun = item->number - (n < item->n);")),
    ("a last value overflows", "topic",
     ("t->limits.policy == TOPIC_LATEST || t->last->ends", "t->limits.policy == TOPIC_LATEST")),
    ("after the last value a subscriber waits for more", "topic",
     ("\treturn ends;\n}\n\nbool topic_is_ending", "\treturn false;\n}\n\nbool topic_is_ending")),
    ("half of a last value is followed by an error", "topic",
     ("return r->at > 0 && r->item->ends;", "return false;")),
    ("a publication is freed while it is being sent", "topic",
     ("r->item = to ? topic_ref(to) : NULL;", "r->item = to; if (to && to != t->last) topic_ref(to);")),
    ("a subscriber that leaves keeps its publication", "topic",
     ("\ttopic_move(t, r, NULL);\n\tr->begun", "\tr->item = NULL;\n\tr->begun")),
    ("what is skipped is not counted", "topic",
     ("t->skipped += item->number - r->begun - 1;", ";")),
    # ---- message ----
    ("an error continues", "message",
     ("if (r == 0 && m.values[OF_ANSWER_ERROR].text && m.flags)", "if (0)")),
    ("two flags are true", "message",
     ("if (m->flags && member->flag)", "if (0)")),
    ("a member comes twice", "message",
     ("if (m->seen & 1u << i)", "if (0)")),
    ("an unknown member is passed over", "message",
     ("if (!message_string_has(name, '.'))", "if (0)")),
    ("a vendor's member is anything", "message",
     ("if (postern_json_kind(value) != POSTERN_JSON_OBJECT)", "if (0)")),
    ("a name has a NUL in it", "message",
     ("if (kind == POSTERN_JSON_STRING && message_string_has(value, '\\0'))", "if (0)")),
    ("something follows a message", "message",
     ("if (m->scan.at != m->scan.end)\n", "if (0)\n")),
    ("a flag that is false is none", "message",
     ("kind == POSTERN_JSON_NULL || (kind == POSTERN_JSON_FALSE && member->flag)", "kind == POSTERN_JSON_NULL")),
    ("a call with more is written as one without", "message",
     ("\tif (flags & POSTERN_CALL_MORE)\n\t\tmessage_write_flag(w, \"more\");\n", "")),
    ("each answer is written as one that continues", "message",
     ("\tif (continues)\n", "\tif (!error)\n")),
]


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace", timeout=600)


def compile_to(made, source):
    done = run(os.environ.get("CC", "gcc"), *FLAGS, "-c", "-o", made, source)
    return done.stderr


def link(made, objects):
    return run(os.environ.get("CC", "gcc"), "-o", made, *objects, "-lpthread").stderr


def plant(text, changes):
    """The text with the bug, or None: the place is not there, or is not the only one."""
    for old, new in changes:
        if text.count(old) != 1:
            return None
        text = text.replace(old, new)
    return text


def found(directory, objects, name, bug, changes):
    """What is wrong; nothing, if the bug is caught."""
    text = plant((tap.SOURCE / f"src/core/{name}.c").read_text(), changes)
    if text is None:
        return f"the place for it is not in src/core/{name}.c, or is not the only one"
    source, made, program = directory / "bug.c", directory / "bug.o", directory / "bug"
    source.write_text(text)
    wrong = compile_to(made, source) or link(program, [*(o for o in objects if o.stem != name), made])
    if wrong:
        return wrong
    done = run(program, "--lives", LIVES)
    seed = re.search(r"^# seed (\d+): (.*)", done.stdout, re.M)
    if not seed:
        return f"nothing is wrong with {LIVES:,} lives"
    tap.comment(f"seed {seed[1]}: {seed[2]}")
    return ""


def main():
    with tempfile.TemporaryDirectory(prefix="postern-sim-") as name:
        directory = pathlib.Path(name)
        sources = [*sorted((tap.SOURCE / "tests/law").glob("sim-*.c")), *(tap.SOURCE / f"src/core/{n}.c" for n in CORE),
                   *sorted((tap.SOURCE / "src/core").glob("json-*.c")),
                   *(tap.SOURCE / f"src/{n}.c" for n in ("base/base", "base/reason", "base/words", "sys/sys", "sys/alloc"))]
        objects = [directory / f"{s.stem}.o" for s in sources]
        wrong = "".join(compile_to(o, s) for o, s in zip(objects, sources)) or link(directory / "sim", objects)
        done = wrong or run(directory / "sim", "--lives", LIVES)
        tap.result("without a bug nothing is found", wrong or (done.stdout if done.returncode else ""))
        for bug, core, *changes in BUGS:
            tap.result(f"caught: {bug}", found(directory, objects, core, bug, changes))
    tap.done()


main()
