# SPDX-License-Identifier: Apache-2.0
"""Fixes that are advice in words, each followed once by a person. For fixes.py.

A row: the file below snippets/, or set/…, the rule, the function of its finding, and changes (before, after) that do what the sentence
says; of several places with `before` the one nearest to the finding is meant, None stands for the end of the file and
'' for its begin. A shape of words that no row has makes the test fail, so a new one is tried here before it is printed.
"""

import re

ERRNO = ('', '#include <errno.h>\n')

ROWS = [
    ('L1/returned-untested.c', 'L1', 'bad_passed_on', [
        ('\treturn serve(server, fd); // L1',
         '\tint result = serve(server, fd);\n\n\tif (result != 0)\n\t\tclose(fd);\n\treturn result;')]),
    ('L1/member-of-an-object.cpp', 'L1', 'Channel::~Channel', [
        ('\tshutdown(m_fd, SHUT_RDWR);', '\tif (m_fd >= 0)\n\t\tclose(m_fd);')]),
    ('L7/member-of-freed.c', 'L7', 'client_free', [('\tfree(c->name);', '\tfree(c->name);\n\tfree(c->address);')]),
    ('E2/negative-error.c', 'E2', 'bad_read', [
        ('\t\tif (n == -EAGAIN) // E2\n\t\t\tbreak;\n',
         '\t\tif (n < 0 && errno == EAGAIN)\n\t\t\tbreak;\n\t\tif (n < 0)\n\t\t\treturn -1;\n')]),
    ('E2/negative-error.c', 'E1', 'bad_option', [
        ('\tif (r == -ENOPROTOOPT) // E1\n\t\treturn 0;\n\treturn 1;\n',
         '\tif (r < 0)\n\t\treturn errno == ENOPROTOOPT ? 0 : -1;\n\treturn 1;\n')]),
    ('E2/negative-error.c', 'E4', 'bad_beside', [
        ('\tif (r == -EINPROGRESS) // E4\n', '\tif (r < 0 && errno == EINPROGRESS)\n')]),
    ('E2/scanned.c', 'E2', 'bad_number', [
        ('\tfscanf(file, "%d", &number);\n\tfclose(file);\n\treturn number; // E2\n',
         '\tif (fscanf(file, "%d", &number) != 1)\n\t\tnumber = -1;\n\tfclose(file);\n\treturn number;\n')]),
    ('L1/above-zero.c', 'L1', 'bad_count', [('\t\tif (copy > 0) { // L1\n', '\t\tif (copy >= 0) {\n')]),
    ('L5/after-a-crash.c', 'L5', 'bad_start', [
        ('\tfill(&at);\n\tif (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) // L5\n',
         '\tint probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);\n\n\tif (probe < 0)\n\t\treturn -errno;\n'
         '\tfill(&at);\n\tif (connect(probe, (struct sockaddr *)&at, sizeof(at)) < 0 && errno == ECONNREFUSED)\n'
         '\t\tunlink(place);\n\tclose(probe);\n'
         '\tif (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)\n')]),
    ('L6/tunnel.c', 'L6', 'tunnel_open', [
        ('\treturn open("/dev/net/tun", O_RDWR); // L6\n', '\treturn open("/dev/net/tun", O_RDWR | O_CLOEXEC);\n')]),
    ('L7/realloc.c', 'L7', 'bad_append', [
        ('\tline->text = realloc(line->text, line->n + 512); // L7\n\tif (!line->text)\n\t\treturn -1;\n',
         '\tchar *text = realloc(line->text, line->n + 512);\n\n\tif (!text)\n\t\treturn -1;\n\tline->text = text;\n')]),
    ('L4/two-owners.cpp', 'L4', 'bad_line', [('fdopen(guard.fd(), "r"); // L4', 'fdopen(dup(guard.fd()), "r");')]),
    ('E1/only-told.c', 'E1', 'wrong_datagrams', [
        ('\tif (bind(fd, at, size) < 0) // E1\n\t\tperror("bind");\n',
         '\tif (bind(fd, at, size) < 0) {\n\t\tperror("bind");\n\t\treturn;\n\t}\n')]),
    ('L3/thread-of-each.c', 'L3', 'wrong_from_heap', [
        ('\tfree(p);\n\tanswer(fd);\n', '\tfree(p);\n\tanswer(fd);\n\tclose(fd);\n')]),
    ('E5/renamed.cpp', 'E5', 'Caller::watch', [
        ('    connect(socket, SIGNAL(error(QAbstractSocket::SocketError)), this, SLOT(failed(QAbstractSocket::SocketError))); // E5',
         '    connect(socket, &QAbstractSocket::errorOccurred, this, &Caller::failed);')]),
    ('L4/guarded.cpp', 'L4', 'Shop::wrongFull', [
        ('        m_jobs.push(job.release());\n    else\n        close(fd); // L4\n', '        m_jobs.push(job.release());\n')]),
    ('E1/libraries.c', 'E1', 'add', [
        ('\tg_socket_listener_add_address(listener, address, G_SOCKET_TYPE_STREAM, 0, NULL, NULL, NULL);',
         '\tif (!g_socket_listener_add_address(listener, address, G_SOCKET_TYPE_STREAM, 0, NULL, NULL, NULL))\n'
         '\t\tg_error("the address cannot be added");')]),
    ('E1/minor.cpp', 'E1', 'Listener::Listener', [
        ('::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));',
         'int r = ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));\n    if (r < 0)\n'
         '        throw std::runtime_error("setsockopt");')]),
    ('E1/blind.c', 'E1', 'wrong_bool', [('\tif (g_socket_bind(socket, at, TRUE, NULL) < 0) // E1',
                                         '\tif (!g_socket_bind(socket, at, TRUE, NULL))')]),
    ('E1/blind.c', 'E1', 'wrong_unsigned', [
        ('\tsize_t sent = send(fd, text, n, MSG_NOSIGNAL); // E3', '\tssize_t sent = send(fd, text, n, MSG_NOSIGNAL);')]),
    ('L4/holders.c', 'L4', 'one_label', [
        ('\tclose(fd); // L4', '\tif (r < 0)\n\t\tclose(fd);')]),
    ('later/requests.c', 'E1', 'wrong', [
        ('\tuv_write(&w->request, s, &w->bytes, 1, done); /* E1 */\n',
         '\tif (uv_write(&w->request, s, &w->bytes, 1, done) < 0)\n\t\tfree(w);\n')]),
    ('later/requests.c', 'E1', 'wrong_shutdown', [
        ('\tif (r)\n\t\tuv_shutdown(r, s, shut); /* E1 */\n',
         '\tif (r && uv_shutdown(r, s, shut) < 0)\n\t\tfree(r);\n')]),
    ('E2/shows-later.c', 'E2', 'late', [('yes = 1;\n', 'yes = 1;\n\n\tif (door < 0)\n\t\treturn -1;\n')]),
    ('E2/amount.c', 'E2', 'bad_index', [("\ttext[n] = '\\0';", "\tif (n <= 0)\n\t\treturn;\n\ttext[n] = '\\0';")]),
    ('E3/fields.cpp', 'E3', 'Counter::straight', [
        ('        in >> what >> count; // E3',
         '        in.startTransaction();\n        in >> what >> count;\n        if (!in.commitTransaction())\n'
         '            return;')]),
    ('E3/fields.cpp', 'E3', 'Counter::inOne', [
        ('    QDataStream in(m_socket->readAll());', '    QDataStream in(m_socket);'),
        ('    in >> what; // E3',
         '    in.startTransaction();\n    in >> what;\n    if (!in.commitTransaction())\n        return;')]),
    ('knowledge/qt.cpp', 'L3', 'Listener::client', [
        ('\tQWebSocket *peer = web->nextPendingConnection(); // L3',
         '\tQScopedPointer<QWebSocket, QScopedPointerDeleteLater> peer(web->nextPendingConnection());')]),
    ('L1/never-stored.c', 'E2', 'answers', [
        ('\treturn connect(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), at, size) == 0; // L1 E2',
         '\tint fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;\n\n\tif (fd < 0)\n\t\treturn 0;\n'
         '\tr = connect(fd, at, size);\n\tclose(fd);\n\treturn r == 0;')]),
    ('E3/whole.cpp', 'E3', 'lambda in Peer::Peer', [
        ('        const QByteArray json = socket->readAll();',
         '        m_reply += socket->readAll();\n        const int end = m_reply.indexOf(\'\\n\');\n'
         '        if (end < 0)\n            return;\n        const QByteArray json = m_reply.left(end);\n'
         '        m_reply.remove(0, end + 1);')]),
    ('E3/read.c', 'E3', 'read_header', [
        ('\tif (read(fd, &h, sizeof(h)) <= 0) { // E3\n\t\tclose(fd);\n\t\treturn -1;\n\t}\n',
         '\tfor (size_t have = 0; have < sizeof(h);) {\n'
         '\t\tssize_t n = read(fd, (char *)&h + have, sizeof(h) - have);\n\n'
         '\t\tif (n < 0 && errno == EINTR)\n\t\t\tcontinue;\n'
         '\t\tif (n <= 0) {\n\t\t\tclose(fd);\n\t\t\treturn -1;\n\t\t}\n\t\thave += (size_t)n;\n\t}\n'), ERRNO]),
    ('E3/through-helper.c', 'E3', 'wrong_write', [
        ('\tif (say(text, n, s) < 0) // E3', '\tif (say_all(s, text, n) < 0)')]),
    ('E3/helper-ignored.c', 'E3', 'wrong', [
        ('\thear(s, word, sizeof(word)); /* E3 */\n\tputs', '\tif (hear(s, word, sizeof(word)) == 0)\n\t\tputs')]),
    ('E3/helper-ignored.c', 'E3', 'wrong_bool', [
        ('\theard(word, s, sizeof(word)); /* E3 */\n\tprintf', '\tif (heard(word, s, sizeof(word)))\n\t\tprintf')]),
    ('E3/number-goes-along.c', 'E3', 'bad_bytes', [
        ('\treturn send(fd, p, n, MSG_NOSIGNAL) < 0 ? -1 : 0; // E3',
         '\tfor (size_t done = 0; done < n;) {\n'
         '\t\tssize_t sent = send(fd, (const char *)p + done, n - done, MSG_NOSIGNAL);\n\n'
         '\t\tif (sent < 0 && errno == EINTR)\n\t\t\tcontinue;\n\t\tif (sent < 0)\n\t\t\treturn -1;\n'
         '\t\tdone += (size_t)sent;\n\t}\n\treturn 0;'), ERRNO]),
    ('E3/stream.c', 'E3', 'ask', [
        ('g_output_stream_write(out, question, strlen(question), NULL, error) >= 0;',
         'g_output_stream_write_all(out, question, strlen(question), NULL, NULL, error);')]),
    ('set/cpp-blob-store.cpp', 'E3', 'serveOne', [
        ('        const ssize_t got = recv(fd, data.data(), data.size(), MSG_WAITALL); // @E3\n        if (got < 0)\n'
         '            throw std::system_error(errno, std::generic_category(), "recv");\n',
         '        readFull(fd, data.data(), data.size());\n')]),
    ('set/posix-filesrv.c', 'E4', 'SendFile', [
        ('        if (send(client, block, (size_t) got, MSG_NOSIGNAL) == -1) /* @E3 @E4? */\n',
         '        ssize_t sent;\n\n        do\n            sent = send(client, block, (size_t) got, MSG_NOSIGNAL);\n'
         '        while (sent == -1 && errno == EINTR);\n        if (sent == -1)\n')]),
    ('E4/passes-for-ready.c', 'E4', 'wrong_condition', [
        ('\tif (select(s + 1, &in, NULL, NULL, &limit)) /* E4 */', '\tif (select(s + 1, &in, NULL, NULL, &limit) > 0)')]),
    ('E4/compared-with-error.c', 'E4', 'wrong_select', [
        ('\tif (rc == EINTR) // E4', '\tif (rc < 0 && errno == EINTR)')]),
    ('E4/compared-with-error.c', 'E4', 'wrong_negative', [
        ('\tif (r == EADDRINUSE) // E4', '\tif (r == -EADDRINUSE)')]),
    ('E4/full-queue.c', 'E4', 'wrong_both', [
        ('\tif (connect(s, (const struct sockaddr *)at, sizeof(*at)) < 0) { // E4\n'
         '\t\tif (errno != EINPROGRESS && errno != EAGAIN) {\n\t\t\tclose(s);\n\t\t\treturn -1;\n\t\t}\n\t}\n',
         '\tfor (int i = 0; connect(s, (const struct sockaddr *)at, sizeof(*at)) < 0; i++) {\n'
         '\t\tif (errno == EINPROGRESS)\n\t\t\tbreak;\n\t\tif (errno != EAGAIN || i == 10) {\n'
         '\t\t\tclose(s);\n\t\t\treturn -1;\n\t\t}\n\t\tusleep(100000);\n\t}\n')]),
    ('E4/loop-asks-flag.c', 'E4', 'main', [
        ('\t\tif (poll(&p, 1, 1000) < 0) { // E4\n',
         '\t\tif (poll(&p, 1, 1000) < 0) {\n\t\t\tif (errno == EINTR)\n\t\t\t\tcontinue;\n'), ERRNO]),
    ('E4/interrupted.c', 'E4', 'by_poll', [
        ('\t\tif (poll(p, 1, 1000) < 0) { // E4\n',
         '\t\tif (poll(p, 1, 1000) < 0) {\n\t\t\tif (errno == EINTR)\n\t\t\t\tcontinue;\n'), ERRNO]),
    ('E4/handed.c', 'E4', 'bad_blocks', [
        ('\tssize_t n = recv(fd, g->text, sizeof(g->text), 0); // E4\n',
         '\tssize_t n;\n\n\tdo\n\t\tn = recv(fd, g->text, sizeof(g->text), 0);\n\twhile (n < 0 && errno == EINTR);\n'),
        ERRNO]),
    ('E4/not-ready.c', 'E4', 'readable', [
        ('\tif (n <= 0) {\n',
         '\tif (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))\n\t\treturn;\n\tif (n <= 0) {\n'), ERRNO]),
    ('E5/unheard.cpp', 'E5', 'Tray::Tray', [
        ('    m_socket->connectToServer("tray");',
         '    connect(m_socket, &QLocalSocket::connected, this, &Tray::incoming);\n'
         '    connect(m_socket, &QLocalSocket::errorOccurred, this, &Tray::gone);\n'
         '    m_socket->connectToServer("tray");')]),
    ('E5/again-at-once.cpp', 'E5', 'wrong_waited', [
        ('\tdo { // W1\n\t\tline.connectToServer(at); // E5\n\t} while (!line.waitForConnected(1000));\n'
         '\treturn line.write("hello") == 5;',
         '\tfor (int i = 0; i < 5; i++) {\n\t\tline.connectToServer(at);\n\t\tif (line.waitForConnected(1000))\n'
         '\t\t\treturn line.write("hello") == 5;\n\t\tQThread::msleep(100 << i);\n\t}\n'
         '\tqWarning("%s", qPrintable(line.errorString()));\n\treturn false;')]),
    ('E5/only-success.cpp', 'E5', 'Phone::Phone', [
        ('        m_line->connectToServer(at); // E5\n',
         '        connect(m_line, &QLocalSocket::errorOccurred, this, &Phone::hangUp);\n'
         '        m_line->connectToServer(at);\n')]),
    ('E6/old-style.c', 'E6', 'push', [('write(c, p, n); // E6', 'send(c, p, n, MSG_NOSIGNAL);')]),
    ('E6/uv.c', 'E6', 'reply', [
        (None, '\n#include <signal.h>\nvoid start(void)\n{\n\tsignal(SIGPIPE, SIG_IGN);\n}\n')]),
    ('E6/event.c', 'E6', 'reply', [
        (None, '\n#include <signal.h>\nvoid start(void)\n{\n\tsignal(SIGPIPE, SIG_IGN);\n}\n')]),
    ('E7/ends-or-spins.c', 'E7', 'spins', [
        ('\t\tif (fd < 0) {\n',
         '\t\tif (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {\n'
         '\t\t\tusleep(100000);\n\t\t\tcontinue;\n\t\t}\n\t\tif (fd < 0) {\n'), ERRNO]),
    ('E7/listener.c', 'E7', 'accept_error', [
        ('\tstruct event_base *base = evconnlistener_get_base(listener);\n\n', ''),
        ('\tevent_base_loopexit(base, NULL);', '\tevconnlistener_disable(listener);')]),
    ('unknown/blocks.cpp', 'L1', 'later', [
        ('\tlost = open(path, O_RDONLY | O_CLOEXEC); // L1\n',
         '\tlost = open(path, O_RDONLY | O_CLOEXEC);\n'
         '\tstruct Owner {\n\t\tint fd;\n\t\t~Owner() { close(fd); }\n\t} owner{lost};\n')]),
    ('L1/never-stored.c', 'L1', 'answers', [
        ('\treturn connect(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), at, size) == 0; // L1 E2',
         '\tint fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;\n\n\tif (fd < 0)\n\t\treturn 0;\n'
         '\tr = connect(fd, at, size);\n\tclose(fd);\n\treturn r == 0;')]),
    ('macro/values.c', 'L1', 'bad', [
        ('\tif (fd < 0)\n\t\treturn -1;\n\treturn 0;', '\tif (fd < 0)\n\t\treturn -1;\n\tclose(fd);\n\treturn 0;')]),
    ('L2/plain-class.cpp', 'L2', 'Plain::Plain', [('\tPlain() {', '\t~Plain() { delete m_line; }\n\tPlain() {')]),
    ('L3/bad-kept-beside.c', 'L3', 'bad_welcome', [
        ('\tc = g_io_channel_unix_new(line); // L3\n',
         '\tc = g_io_channel_unix_new(line);\n\tg_io_channel_set_close_on_unref(c, TRUE);\n')]),
    ('later/handles.c', 'L7', 'hear', [('(uv_handle_t *)s, NULL); /* L7 */', '(uv_handle_t *)s, guest_gone);')]),
    ('later/handles.c', 'L7', 'wrong', [('(uv_handle_t *)line, NULL); /* L7 */', '(uv_handle_t *)line, guest_gone);')]),
    ('macro/loops.c', 'L4', 'drop_wrong', [
        ('\tstruct entry *e;\n\n\tevery(e, all) // L4\n\t\tfree(e);\n',
         '\tstruct entry *e, *next;\n\n\tfor (e = all; e; e = next) {\n\t\tnext = e->next;\n\t\tfree(e);\n\t}\n')]),
    ('L4/own-slot.cpp', 'L4', 'Session::onReadyRead', [('delete m_s; // L4', 'm_s->deleteLater();')]),
    ('members/opened-by-the-caller.c', 'L4', 'wrong_bool', [
        ('\tr = 0;\nout:\n\tclose(l.fd); /* L4 */\n', '\tr = 0;\n\tclose(l.fd);\nout:\n')]),
    ('members/opened-by-the-caller.c', 'L4', 'wrong_errno', [
        ('\tclose(l.fd); /* L4 */\n', '\tif (r == 0)\n\t\tclose(l.fd);\n')]),
    ('members/opened-by-the-caller.c', 'L4', 'wrong_positive', [
        ('\t\tshutdown(l.fd, SHUT_RDWR); /* L4 */\n', '')]),
    ('members/opened-by-the-helper.c', 'L4', 'wrong_two_levels', [
        ('\tclose(d->fd); /* L4 */\n', '\tif (r == 0)\n\t\tclose(d->fd);\n')]),
    ('L4/by-result.c', 'L4', 'late', [('\t\tc->late = 1; // L4', '\t\treturn;')]),
    ('L4/closing.c', 'L4', 'at_once', [
        ('\tuv_close((uv_handle_t *)&p->io.tcp, NULL);\n\tfree(p->name);\n\tfree(p); // L4\n',
         '\tfree(p->name);\n\tp->io.tcp.data = p;\n\tuv_close((uv_handle_t *)&p->io.tcp, gone);\n')]),
    ('L5/stale.c', 'L5', 'blindly', [
        ('\tunlink(path); // L5\n',
         '\tint probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;\n\n\tif (probe < 0)\n\t\treturn -1;\n'
         '\tr = connect(probe, (struct sockaddr *)&addr, sizeof(addr));\n'
         '\tif (r < 0 && errno == ECONNREFUSED)\n\t\tunlink(path);\n\tclose(probe);\n')]),
    ('L5/only-another-path.c', 'L5', 'bad_left', [
        ('\tunlink("/run/desk.pid");', '\tunlink("/run/desk.pid");\n\tunlink("/run/desk.socket");')]),
    ('L6/inherited.c', 'L6', 'two', [
        ('accept(listener, NULL, NULL); // L6', 'accept4(listener, NULL, NULL, SOCK_CLOEXEC);')]),
    ('set/event-shelld.c', 'L6', 'start_listening', [
        ('LEV_OPT_CLOSE_ON_FREE, -1', 'LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1')]),
    ('set/cpp-ctl-client.cpp', 'L7', 'Client::connectRemote', [
        ('\tfor (struct addrinfo *p = res; p; p = p->ai_next) {\n',
         '\tstd::unique_ptr<addrinfo, void (*)(addrinfo *)> owner(res, freeaddrinfo);\n'
         '\tfor (struct addrinfo *p = res; p; p = p->ai_next) {\n'),
        ('\tfreeaddrinfo(res);\n', ''), ('', '#include <memory>\n')]),
    ('L7/literals-and-threads.c', 'L7', 'may_be_literal', [
        ('\tchar *at = "door";\n', '\tchar *at = "door", *given = NULL;\n'),
        ('\t\tif (c == \'d\')\n\t\t\tat = strdup(optarg); // L7\n',
         '\t\tif (c == \'d\') {\n\t\t\tfree(given);\n\t\t\tat = given = strdup(optarg);\n\t\t}\n'),
        ('\tdoor = open_door(at);\n', '\tdoor = open_door(at);\n\tfree(given);\n')]),
    ('N1/format.c', 'N1', 'bad_wrapper', [('\tnote(LOG_INFO, buf); // N1', '\tnote(LOG_INFO, "%s", buf);')]),
    ('N2/classes.cpp', 'N2', 'Runner::bad_arguments', [
        ('QProcess::startDetached("/bin/sh", {"-c", "play " + name});',
         'QProcess::startDetached("play", {"--", name});')]),
    ('N2/shell.c', 'N2', 'bad_whole', [
        ('\t\tsystem(buf); // N2\n',
         '\t\tposix_spawn(NULL, "/usr/bin/play", NULL, NULL, (char *[]){ "play", "--", buf, NULL }, NULL);\n'),
        ('', '#include <spawn.h>\n')]),
    ('N3/paths.c', 'N3', 'bad_open', [
        ('\treturn open(name, O_RDONLY | O_CLOEXEC); // N3',
         '\tif (!*name || *name == \'.\' || strchr(name, \'/\'))\n\t\treturn -1;\n'
         '\treturn open(name, O_RDONLY | O_CLOEXEC);')]),
    ('N3/classes.cpp', 'N3', 'Inbox::bad_file', [
        ('\t\tQFile file(m_folder.filePath(name)); // N3',
         '\t\tif (name.isEmpty() || name.startsWith(\'.\') || name.contains(\'/\'))\n\t\t\treturn;\n'
         '\t\tQFile file(m_folder.filePath(name));')]),
    ('N3/classes.cpp', 'N3', 'Inbox::bad_stream', [
        ('\t\tstd::ofstream out("/srv/" + name); // N3',
         '\t\tif (name.empty() || name[0] == \'.\' || name.find(\'/\') != std::string::npos)\n\t\t\treturn;\n'
         '\t\tstd::ofstream out("/srv/" + name);')]),
    ('N4/classes.cpp', 'N4', 'bad_string', [
        ('\tif (::recv(fd, buf, sizeof(buf), 0) <= 0)\n\t\treturn;\n\tstd::string text(buf); // N4',
         '\tssize_t n = ::recv(fd, buf, sizeof(buf) - 1, 0);\n\tif (n <= 0)\n\t\treturn;\n\tbuf[n] = \'\\0\';\n'
         '\tstd::string text(buf);')]),
    ('N4/strings.c', 'N4', 'bad_compare', [
        ('\tif (recv(sock, buf, sizeof(buf), 0) <= 0)\n\t\treturn;\n\tif (strcmp(buf, "quit") == 0) // N4',
         '\tssize_t n = recv(sock, buf, sizeof(buf) - 1, 0);\n\n\tif (n <= 0)\n\t\treturn;\n\tbuf[n] = \'\\0\';\n'
         '\tif (strcmp(buf, "quit") == 0)')]),
    ('N4/strings.c', 'N4', 'number_of', [
        ('\tif (recv(sock, digits, sizeof(digits), 0) <= 0)\n\t\treturn -1;\n',
         '\tssize_t n = recv(sock, digits, sizeof(digits) - 1, 0);\n\n\tif (n <= 0)\n\t\treturn -1;\n'
         '\tdigits[n] = \'\\0\';\n')]),
    ('N5/numbers.c', 'N5', 'bad_allocation', [
        ('\tbody = malloc(size + 1); // N5', '\tif (size > 65536)\n\t\treturn NULL;\n\tbody = malloc(size + 1);')]),
    ('macro/assert.c', 'N5', 'frame_unlimited', [
        ('ssize_t frame_unlimited(int fd, char *to)', 'ssize_t frame_unlimited(int fd, char *to, size_t room)'),
        ('\tassert(n > 0);\n\treturn recv(fd, to, n, MSG_WAITALL); // N5',
         '\tassert(n > 0);\n\tif (n > room)\n\t\treturn -1;\n\treturn recv(fd, to, n, MSG_WAITALL);')]),
    ('later/sd-event.c', 'N5', 'on_line', [
        ('\tmemcpy(kept, in, (size_t)atoi(in)); /* N5 */\n',
         '\tint size = atoi(in);\n\n\tif (size < 0 || (size_t)size > sizeof(kept))\n\t\treturn 0;\n'
         '\tmemcpy(kept, in, (size_t)size);\n')]),
    ('W1/end-of-stream.c', 'W1', 'bad_total', [
        ('\t\tif (n < 0)\n', '\t\tif (n == 0)\n\t\t\treturn;\n\t\tif (n < 0)\n')]),
    ('W1/device.cpp', 'W1', 'bad_adds', [
        ('        socket->waitForReadyRead(500);\n', '        if (!socket->waitForReadyRead(500))\n            return QByteArray();\n')]),
    ('L4/lambdas.cpp', 'L4', 'Client::bad_named', [
        ('[this, &turns] { // L4\n            say(m_socket->readAll());\n            turns++;',
         '[this, turns]() mutable {\n            say(m_socket->readAll());\n            turns++;')]),
    ('L4/lambdas.cpp', 'L4', 'Session::Session', [
        ('&QCoreApplication::aboutToQuit, [this] { m_socket->write("bye"); }); // L4',
         '&QCoreApplication::aboutToQuit, this, [this] { m_socket->write("bye"); });')]),
    ('L4/threads.cpp', 'L4', 'bad_stack', [
        ('    thread.start(); // L4\n', '    thread.start();\n    thread.quit();\n    thread.wait();\n')]),
    ('L4/threads.cpp', 'L4', 'QuitsOnly::QuitsOnly', [
        ('m_of_quits.quit();', 'm_of_quits.quit(); m_of_quits.wait();')]),
    ('L4/threads-heap.cpp', 'L4', 'OnlyQuits::OnlyQuits', [
        ('m_only_quits->quit(); }', 'm_only_quits->quit(); m_only_quits->wait(); }')]),
    ('L4/threads-heap.cpp', 'L4', 'bad_delete', [
        ('    delete deleted; // L4', '    deleted->quit();\n    deleted->wait();\n    delete deleted;')]),
    ('L4/threads-heap.cpp', 'L4', 'Local::begin', [
        ('        QThread *local = new QThread(this);\n', '        m_local = new QThread(this);\n'),
        ('worker->moveToThread(local);', 'worker->moveToThread(m_local);'),
        ('        local->start(); // L4\n    }\n',
         '        m_local->start();\n    }\n    ~Local() override\n    {\n        if (!m_local)\n            return;\n'
         '        m_local->quit();\n        m_local->wait();\n    }\n\nprivate:\n    QThread *m_local = nullptr;\n')]),
    ('L7/threads-qt.cpp', 'L7', 'NeverDeleted::incomingConnection', [
        ('        thread->start();\n',
         '        connect(thread, &QThread::finished, thread, &QObject::deleteLater);\n        thread->start();\n')]),
    ('L7/threads-qt.cpp', 'L7', 'Fortunes::incomingConnection', [
        ('        serving->start();\n',
         '        connect(serving, &QThread::finished, serving, &QObject::deleteLater);\n        serving->start();\n')]),
    ('L3/let-go.c', 'L3', 'bad_hear_slot', [
        ('\t\t\tslots[i] = -1; // L3\n', '\t\t{\n\t\t\tclose(slots[i]);\n\t\t\tslots[i] = -1;\n\t\t}\n')]),
    ('L3/let-go.c', 'L3', 'bad_enter_caller', [('\tclose(c->fd);\n}', '\tclose(c->fd);\n\tfree(c);\n}')]),
    ('L3/let-go.cpp', 'L3', 'OneWay::hear', [
        ('            m_one_way.erase(fd); // L3', '            ::close(fd);\n            m_one_way.erase(fd);')]),
    ('L3/let-go.cpp', 'L3', 'Listed::hear', [
        ('        if (::recv(m_listed.at(i), &c, 1, 0) <= 0)\n            m_listed.removeAt(i); // L3',
         '        if (::recv(m_listed.at(i), &c, 1, 0) <= 0) {\n            ::close(m_listed.at(i));\n'
         '            m_listed.removeAt(i);\n        }')]),
    ('L3/let-go.cpp', 'L3', 'lambda in Host::enter', [
        ('{ m_sessions.removeOne(session); }); // L3',
         '{ m_sessions.removeOne(session); session->deleteLater(); });')]),
    ('L3/let-go.cpp', 'L3', 'Inn::incomingConnection', [
        ('    int full() const { return m_visits.size(); }\n',
         '    int full() const { return m_visits.size(); }\n    void leave(int i) { delete m_visits.takeAt(i); }\n')]),
    ('L3/let-go.cpp', 'L3', 'Club::leave', [
        ('{ m_members.remove(handle); } // L3',
         '\n    {\n        delete m_members.value(handle);\n        m_members.remove(handle);\n    }')]),
    ('L2/terminate.cpp', 'L2', 'bad', [('thread->terminate(); // L2', 'thread->quit();')]),
    ('fill/bytes.c', 'N5', 'bad_array', [
        ('\t\tline[i++] = c; // N5\n',
         '\t\tif ((size_t)i < sizeof(line) - 1)\n\t\t\tline[i++] = c;\n\t\telse\n\t\t\treturn -1;\n')]),
    ('fill/bytes.c', 'N5', 'bad_pointer', [
        ('static int bad_pointer(int s, char *to)\n', 'static int bad_pointer(int s, char *to, size_t room)\n'),
        ('\tdo\n\t\tn = recv(s, to, 1, 0); // N5\n\twhile',
         '\tdo {\n\t\tif (room-- == 0)\n\t\t\treturn -1;\n\t\tn = recv(s, to, 1, 0);\n\t} while')]),
    ('hangup/methods.cpp', 'W1', 'Channel::lineUnlessWorse', [('\t\t\tif (n < -1)\n', '\t\t\tif (n <= 0)\n')]),
    ('zero/less.c', 'N5', 'bad_last', [('\tif (size > sizeof(text))\n', '\tif (size < 1 || size > sizeof(text))\n')]),
    ('zero/still.c', 'W1', 'bad_offset', [
        ('\t\tif (size > (size_t)n - at)\n', '\t\tif (size == 0 || size > (size_t)n - at)\n')]),
    ('ready/polled.c', 'W2', 'bad_poll', [('\t\t\tif (got < 0) {\n', '\t\t\tif (got <= 0) {\n')]),
    ('hangup/helpers.c', 'W1', 'bad_members', [
        ('\tc->have += (size_t)n;\n\treturn 0;\n}\n\nint bad_members(',
         '\tif (n == 0)\n\t\treturn -2;\n\tc->have += (size_t)n;\n\treturn 0;\n}\n\nint bad_members(')]),
    ('W1/connect-for-ever.c', 'W1', 'wait_for_server', [
        ('\tfor (;;) { // W1\n',
         '\tfor (int attempts = 0;; attempts++) {\n\t\tif (attempts == 50)\n\t\t\treturn -1;\n')]),
    ('W2/spins.c', 'W2', 'bad_send', [
        ('\t\t\tif (errno == EAGAIN || errno == EINTR)\n\t\t\t\tcontinue;\n',
         '\t\t\tif (errno == EAGAIN || errno == EINTR) {\n'
         '\t\t\t\tif (poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, 1000) <= 0)\n\t\t\t\t\treturn -1;\n'
         '\t\t\t\tcontinue;\n\t\t\t}\n'),
        ('', '#include <poll.h>\n')]),
    ('W2/spins.c', 'W2', 'bad_file', [
        ('\t\tif (time(NULL) > until)\n\t\t\treturn;\n',
         '\t\tif (time(NULL) > until || poll(NULL, 0, 100) < 0)\n\t\t\treturn;\n'),
        ('', '#include <poll.h>\n')]),
    ('W2/spins.cpp', 'W2', 'bad_process_events', [
        ('\twhile (socket->state() == QLocalSocket::ConnectingState) { // W2\n'
         '\t\tif (timer.elapsed() > 2000)\n\t\t\treturn false;\n\t\tQCoreApplication::processEvents();\n\t}\n'
         '\treturn true;', '\treturn socket->waitForConnected(2000);'),
        ('\tQElapsedTimer timer;\n\ttimer.start();\n', '')]),
    ('W3/no-total.c', 'W3', 'wrong_all', [
        ('\tsize_t have = 0;\n\n\twhile (have < size) {\n\t\tif (poll(&p, 1, 100) <= 0) // W3\n\t\t\tcontinue;\n',
         '\tsize_t have = 0;\n\ttime_t end = time(NULL) + 5;\n\n\twhile (have < size) {\n'
         '\t\ttime_t left = end - time(NULL);\n\n'
         '\t\tif (left <= 0 || poll(&p, 1, (int)left * 1000) == 0)\n\t\t\treturn -1;\n')]),
    ('W4/request.c', 'W4', 'whole', [
        ('\tupstream = fd;\n',
         '\tstruct timeval limit = { .tv_sec = 5 };\n\n'
         '\tif (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||\n'
         '\t    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0) {\n'
         '\t\tclose(fd);\n\t\treturn -1;\n\t}\n\tupstream = fd;\n'),
        ('', '#include <sys/time.h>\n')]),
    ('W4/of-a-class.cpp', 'W4', 'Connection::open', [
        ('\tif (::connect(m_fd,',
         '\ttimeval limit = { 5, 0 };\n'
         '\tif (::setsockopt(m_fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0) {\n'
         '\t\tclose();\n\t\treturn false;\n\t}\n\tif (::connect(m_fd,'),
        ('', '#include <sys/time.h>\n')]),
    ('W4/server.c', 'W4', 'tell', [
        ('\tif (n_fds > CLIENTS) {\n',
         '\tstruct timeval limit = { .tv_sec = 5 };\n\n'
         '\tif (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 || n_fds > CLIENTS) {\n'),
        ('', '#include <sys/time.h>\n')]),
    ('L3/qt-way-out.cpp', 'L3', 'Commands::bad', [
        ('\tif (!socket->waitForReadyRead(1000))\n\t\treturn;\n',
         '\tif (!socket->waitForReadyRead(1000)) {\n\t\tsocket->deleteLater();\n\t\treturn;\n\t}\n')]),
    ('E2/released-unset.c', 'E2', 'bad_at_once', [
        ('\tstruct addrinfo *list;\n', '\tstruct addrinfo *list = NULL;\n')]),
]


def shape(rule, fix):
    """A fix without what is of one program: names, code and numbers."""
    bare = re.sub(r'`[^`]*`', '`…`', fix)
    bare = re.sub(r'(lambda in )?[\w:~.>-]*\(\)', '…()', bare)
    bare = re.sub(r'reaches \S+,', 'reaches …,', bare)
    bare = re.sub(r'( \(`…`(, `…`)*\)|…\(\) and )', ' ', bare)
    return rule, re.sub(r'\d+', 'N', bare)


def changed(source, line, changes):
    """The text with the changes made, or the change that has no place in it."""
    for before, after in changes:
        if before is None:
            source += after
        elif not before:
            source = after + source
        else:
            at = sum(len(row) + 1 for row in source.split('\n')[:line - 1])
            places = [m.start() for m in re.finditer(re.escape(before), source)]
            if not places:
                return None, before
            start = min(places, key=lambda p: abs(p - at))
            source = source[:start] + after + source[start + len(before):]
    return source, ''
