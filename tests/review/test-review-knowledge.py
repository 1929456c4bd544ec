#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does the knowledge have what the installed headers have: each function with a descriptor, each argument? TAP.

    test-review-knowledge.py [REVIEWER...]      without: $POSTERN_COMMAND review

The headers below are preprocessed, and their prototypes read. A function counts when
- a parameter is an integer (or an array of them, or a mqd_t) with a name of a descriptor: it has `fd` in it, or
  `fildes`, `filedes`, `pipedes` or `sock`;
- a parameter or the result is a stream, a directory, a set to wait for or a message: FILE, DIR, fd_set, struct pollfd,
  struct msghdr, struct mmsghdr;
- GIVES names it: by its manual page the result is a new descriptor, which no prototype tells.
"""

import collections
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
KNOWLEDGE = os.path.join(HERE, '..', '..', 'review', 'knowledge')
tests = []

HEADERS = '''aio.h arpa/inet.h dirent.h err.h fcntl.h fts.h ftw.h grp.h ifaddrs.h mntent.h mqueue.h netdb.h
netinet/in.h poll.h pty.h pwd.h sched.h shadow.h signal.h spawn.h stdio.h stdio_ext.h stdlib.h sys/epoll.h
sys/eventfd.h sys/fanotify.h sys/file.h sys/inotify.h sys/ioctl.h sys/mman.h sys/mount.h sys/pidfd.h sys/prctl.h
sys/random.h sys/select.h sys/sendfile.h sys/signalfd.h sys/socket.h sys/stat.h sys/statfs.h sys/statvfs.h sys/time.h
sys/timerfd.h sys/uio.h sys/un.h sys/vfs.h sys/wait.h sys/xattr.h syslog.h termios.h time.h unistd.h utime.h utmp.h
utmpx.h wchar.h'''.split()

# open(2), dup(2), pipe(2), socket(2), accept(2), memfd_create(2), pidfd_open(2), mq_open(3), getpt(3), mkstemp(3), …
GIVES = '''accept accept4 creat dup epoll_create epoll_create1 eventfd fanotify_init fsmount fsopen fspick getpt
inotify_init inotify_init1 memfd_create mkostemp mkostemps mkstemp mkstemps mq_open open open64 openat
open_by_handle_at open_tree pidfd_getfd pidfd_open posix_openpt rcmd rcmd_af rexec rexec_af rresvport rresvport_af
shm_open signalfd socket timerfd_create'''.split()

# Libraries whose prototypes are compared where pkg-config knows them.
LIBRARIES = {
    'gio-unix-2.0': ['gio/gio.h', 'gio/gunixconnection.h', 'gio/gunixfdlist.h', 'gio/gunixfdmessage.h',
                     'gio/gunixinputstream.h', 'gio/gunixoutputstream.h', 'gio/gunixsocketaddress.h',
                     'gio/gfiledescriptorbased.h', 'glib-unix.h', 'glib/gstdio.h'],
    'libuv': ['uv.h'],
    'libevent': ['event2/event.h', 'event2/bufferevent.h', 'event2/bufferevent_ssl.h', 'event2/buffer.h',
                 'event2/listener.h', 'event2/util.h', 'event2/http.h', 'event2/dns.h', 'event2/event_compat.h',
                 'event2/http_compat.h', 'event2/thread.h'],
    'libsystemd': ['systemd/sd-event.h', 'systemd/sd-bus.h', 'systemd/sd-daemon.h', 'systemd/sd-journal.h'],
}

# What is not in the knowledge, and why not.
EXCEPTIONS = {
    '__cmsg_nxthdr': 'stands behind the macro CMSG_NXTHDR, and reads memory alone',
    '__getdelim': 'the name of getdelim() within the C library',
    '__overflow': 'stands behind putc_unlocked(), nobody calls it by name',
    '__uflow': 'stands behind getc_unlocked(), nobody calls it by name',
}

NAME = re.compile(r'\b(?:int|mqd_t|__mqd_t)\b[^,(]*\b\w*(?:fd|fildes|filedes|pipedes|sock)\w*\s*(?:\[[^]]*\]\s*)?$')
TYPE = re.compile(r'\b(?:FILE|__FILE|DIR|fd_set|mqd_t)\b|\bstruct (?:pollfd|msghdr|mmsghdr)\b')


def test(function):
    tests.append(function)
    return function


def reviewer():
    command = sys.argv[1:] or [os.environ.get('POSTERN_COMMAND', 'postern')]
    return command + ['review'] if os.path.basename(command[-1]) == 'postern' else command


def compiler():
    return next((c for c in ('cc', 'gcc', 'clang') if shutil.which(c)), None)


def read_prototypes(headers, flags=()):
    """NAME: (what the result is, [parameter…]) of all functions that the headers declare."""
    text = ''.join('#if __has_include(<%s>)\n#include <%s>\n#endif\n' % (h, h) for h in headers)
    run = subprocess.run([compiler(), '-E', '-P', '-D_GNU_SOURCE', *flags, '-xc', '-'], input=text,
                         capture_output=True, text=True, check=True)
    inner = r'\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)'
    text = re.sub(r'\b(?:__attribute__|__asm__|__asm)\s*' + inner + r'|\b(?:__extension__|__restrict|__inline)\b', '',
                  run.stdout)
    found = {}
    for statement in re.split(r'[;{}]', text):
        match = re.match(r'\s*(?:extern\s+)?(\w[^(){}=]*?[\s*])(\w+)\s*\((.*)\)\s*$', statement, re.S)
        if match and not match[1].startswith(('typedef', 'return', 'static', 'else')):
            # A comma within brackets is not between parameters, and void (*)(int) is none that is void.
            flat = re.sub(r'\(\s*\*\s*(\w*)\s*\)', r'callback \1', match[3])
            while re.search(r'\([^()]*\)', flat):
                flat = re.sub(r'\([^()]*\)', '', flat)
            found[match[2]] = (match[1].strip(), [' '.join(p.split()) for p in flat.split(',')])
    return found


def prototypes():
    return read_prototypes(HEADERS)


def descriptors(functions):
    return {name for name, (result, parameters) in functions.items()
            if name in GIVES or TYPE.search(result) or any(TYPE.search(p) or NAME.search(p) for p in parameters)}


def statements():
    """(file, line number, kind, name) of everything that is said of a function, method or class."""
    for path in sorted(glob.glob(os.path.join(KNOWLEDGE, '*.kb'))):
        with open(path, encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                words = line.split('#')[0].split()
                if len(words) >= 2 and words[0] in ('fn', 'method', 'class'):
                    yield os.path.basename(path), number, words[0], words[1]


@test
def every_function_of_the_headers_that_takes_or_gives_a_descriptor_is_known():
    functions = prototypes()
    wanted = descriptors(functions)
    known = {name for _, _, kind, name in statements() if kind == 'fn'}
    missing = sorted(wanted - known - set(EXCEPTIONS))
    print('# %d functions in %d headers, %d with descriptors: %d known, %d exceptions, %d missing'
          % (len(functions), len(HEADERS), len(wanted), len(wanted & known), len(wanted & set(EXCEPTIONS)),
             len(missing)))
    # Fewer would mean that the headers could not be read.
    assert len(wanted) >= 150, 'only %d functions with descriptors were found: %s' % (len(wanted), sorted(wanted))
    assert not missing, 'not known: ' + ', '.join(
        '%s %s(%s)' % (functions[m][0], m, ', '.join(functions[m][1])) for m in missing)


@test
def no_exception_is_without_use():
    known = {name for _, _, kind, name in statements() if kind == 'fn'}
    assert not known & set(EXCEPTIONS), 'known, and an exception: %s' % sorted(known & set(EXCEPTIONS))


@test
def a_descriptor_that_is_given_to_one_of_them_is_not_lost_sight_of():
    functions = prototypes()
    calls = []
    for name in sorted(descriptors(functions) - set(EXCEPTIONS)):
        parameters = functions[name][1]
        for i, parameter in enumerate(parameters):
            if NAME.search(parameter) and '*' not in parameter and '[' not in parameter:
                arguments = ['fd' if k == i else '0' for k in range(len(parameters)) if parameters[k] != '...']
                calls.append('int use_%s_%d(void)\n{\n\tint fd = socket(1, 1, 0);\n\n\t%s(%s);\n\treturn 0;\n}\n'
                             % (name, i, name, ', '.join(arguments)))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'calls.c')
        with open(path, 'w', encoding='utf-8') as f:
            f.write('#include <sys/socket.h>\n' + '\n'.join(calls))
        run = subprocess.run(reviewer() + ['--format', 'json', path], capture_output=True, timeout=60)
    assert run.returncode in (0, 1), 'status %d: %s' % (run.returncode, run.stderr.decode(errors='replace'))
    summary = json.loads(run.stdout)['summary']
    print('# %d calls, %d of them unknown to the reviewer' % (len(calls), summary['silent_for_unknown_calls']))
    assert len(calls) >= 100, 'only %d calls were made' % len(calls)
    assert summary['functions'] == len(calls), 'understood %d of %d' % (summary['functions'], len(calls))
    assert summary['silent_for_unknown_calls'] == 0, summary


def library_prototypes():
    """The same of the libraries that pkg-config knows here, and the names of those that it does not."""
    found, absent = {}, []
    for package, headers in LIBRARIES.items():
        run = subprocess.run(['pkg-config', '--cflags', package], capture_output=True, text=True)
        if run.returncode:
            absent.append(package)
        else:
            found.update(read_prototypes(headers, run.stdout.split()))
    return found, absent


def beyond(fact, parameters):
    """The first argument that the fact speaks of and the function has not, or None."""
    key, _, value = fact.partition('=')
    if key in ('fails', 'is', 'until', 'closer', 'whole', 'returns', 'forever', 'default', 'stores', 'failing',
               'noreturn'):
        return None
    numbers = [int(n) for n in re.findall(r'\d+', value)]
    if key in ('gives', 'status'):
        numbers = numbers[:1] # the second is a parameter of the function that it is given
    return next((n for n in numbers if n > len(parameters)), None)


@test
def no_statement_speaks_of_an_argument_that_its_function_does_not_have():
    functions, absent = library_prototypes()
    functions = {**prototypes(), **functions}
    wrong, compared = [], 0
    for file, number, kind, name in statements():
        if kind != 'fn' or name not in functions or '...' in functions[name][1]:
            continue
        compared += 1
        parameters = [p for p in functions[name][1] if p != 'void']
        with open(os.path.join(KNOWLEDGE, file), encoding='utf-8') as f:
            facts = f.read().split('\n')[number - 1].split('#')[0].split()[2:]
        for fact in facts:
            if beyond(fact, parameters):
                wrong.append('%s:%d: %s, of %d parameters' % (file, number, fact, len(parameters)))
            if fact.startswith('error=') and 'GError **' not in parameters[int(fact[6:]) - 1]:
                wrong.append('%s:%d: %s is not an error, but %s' % (file, number, fact, parameters[int(fact[6:]) - 1]))
        if (len(parameters) > 1 and 'GError **' in parameters[-1]
                and not any(f.startswith('error=') for f in facts)):
            wrong.append('%s:%d: %s() has a GError and no error=' % (file, number, name))
    print('# %d functions compared with their prototypes; headers not installed: %s'
          % (compared, ', '.join(absent) or 'none'))
    assert compared >= 250, 'only %d functions were compared' % compared
    assert not wrong, '\n# '.join(wrong)


@test
def nothing_is_said_twice():
    """A later statement takes the place of an earlier one, so one of two has no effect."""
    places = collections.defaultdict(list)
    for file, number, kind, name in statements():
        places[kind if kind == 'class' else 'name', name].append('%s:%d' % (file, number))
    twice = {name[1]: at for name, at in places.items() if len(at) > 1}
    assert not twice, twice


@test
def every_file_names_its_manual():
    """A statement that cannot be looked up cannot be corrected."""
    nameless = [os.path.basename(path) for path in sorted(glob.glob(os.path.join(KNOWLEDGE, '*.kb')))
                if not any(line.startswith('# Manual: ') for line in open(path, encoding='utf-8'))]
    assert not nameless, nameless


def main():
    if subprocess.run(reviewer() + ['--rules'], capture_output=True).returncode:
        print('1..0 # SKIP the reviewer was not built')
        return 0
    print('1..%d' % len(tests))
    failed = 0
    for number, function in enumerate(tests, 1):
        name = function.__name__.replace('_', ' ')
        if 'prototypes' in function.__code__.co_names and not compiler():
            print('ok %d - %s # SKIP no C compiler, which reads the headers' % (number, name))
            continue
        try:
            function()
        except AssertionError as e:
            failed += 1
            print('not ok %d - %s\n# %s' % (number, name, e))
        else:
            print('ok %d - %s' % (number, name))
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
