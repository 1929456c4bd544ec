// SPDX-License-Identifier: Apache-2.0
// defects:
// L5 the path is unlinked before bind(), whoever serves there
// L6 the listening socket and the clients go into every child
// N2 the job's text is part of a shell command
// N1 the peer's line is the format of syslog()
// E1 the accepted socket gets no timeout when setsockopt() fails
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>

using std::string;

static const char *kSocket = "/tmp/jobrunner.sock";

struct Job {
    int id;
    string text;
    pid_t pid;
};

class Runner {
public:
    Runner() : listen_fd(-1), next_id(1) {}
    ~Runner() {
        if (listen_fd >= 0) {
            close(listen_fd);
            unlink(kSocket);
        }
    }

    bool init();
    void run();

private:
    void handle(int fd);
    string start(const string &text);
    string output(const string &name);
    string status() const;
    void reap();

    int listen_fd;
    int next_id;
    std::map<int, Job> jobs;
};

static bool put(int fd, const string &s) {
    size_t off = 0;
    while (off < s.size()) {
        ssize_t n = send(fd, s.data() + off, s.size() - off, MSG_NOSIGNAL); // @W4?
        if (n < 0) {
            if (errno == EINTR) continue;
            return false;
        }
        off += n;
    }
    return true;
}

bool Runner::init() {
    struct sockaddr_un sa;
    memset(&sa, 0, sizeof sa);
    sa.sun_family = AF_UNIX;
    snprintf(sa.sun_path, sizeof sa.sun_path, "%s", kSocket);

    unlink(kSocket); // @L5
    listen_fd = socket(AF_UNIX, SOCK_STREAM, 0); // @L6
    if (listen_fd < 0) {
        syslog(LOG_ERR, "socket: %m");
        return false;
    }
    if (bind(listen_fd, (struct sockaddr *)&sa, sizeof sa) != 0) {
        syslog(LOG_ERR, "bind: %m");
        return false;
    }
    if (chmod(kSocket, 0660) != 0)
        syslog(LOG_WARNING, "chmod: %m");
    if (listen(listen_fd, 5) != 0) {
        syslog(LOG_ERR, "listen: %m");
        return false;
    }
    return true;
}

string Runner::start(const string &text) {
    pid_t pid = fork();
    if (pid < 0)
        return "error fork\n";
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null >= 0) {
            dup2(null, 0);
            dup2(null, 1);
            dup2(null, 2);
        }
        setsid();
        execl("/usr/bin/nice", "nice", "/usr/lib/jobrunner/job", text.c_str(), (char *)NULL);
        _exit(127);
    }
    Job job = {next_id++, text, pid};
    jobs[job.id] = job;
    return "started " + std::to_string(job.id) + "\n";
}

string Runner::output(const string &name) {
    string cmd = "tail -n 20 /var/log/jobs/" + name + ".log";
    FILE *p = popen(cmd.c_str(), "r"); // @N2
    if (!p)
        return "error popen\n";
    string out;
    char buf[256];
    while (out.size() < 16384 && fgets(buf, sizeof buf, p))
        out += buf;
    pclose(p);
    return out + ".\n";
}

string Runner::status() const {
    std::ostringstream os;
    for (const auto &kv : jobs)
        os << kv.first << ' ' << kv.second.pid << ' ' << kv.second.text << '\n';
    os << ".\n";
    return os.str();
}

void Runner::reap() {
    int st;
    pid_t pid;
    while ((pid = waitpid(-1, &st, WNOHANG)) > 0) {
        for (auto it = jobs.begin(); it != jobs.end(); ++it) {
            if (it->second.pid == pid) {
                syslog(LOG_INFO, "job %d ended with %d", it->first, WEXITSTATUS(st));
                jobs.erase(it);
                break;
            }
        }
    }
}

void Runner::handle(int fd) {
    char line[512];
    size_t have = 0;
    while (have < sizeof line - 1) {
        ssize_t n = recv(fd, line + have, sizeof line - 1 - have, 0); // @W4?
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        have += n;
        line[have] = '\0';
        if (char *nl = strchr(line, '\n')) {
            *nl = '\0';
            break;
        }
    }
    if (have == 0)
        return;
    syslog(LOG_INFO, line); // @N1

    string text(line), reply;
    if (text.compare(0, 4, "run ") == 0)
        reply = start(text.substr(4));
    else if (text.compare(0, 4, "out ") == 0)
        reply = output(text.substr(4));
    else if (text == "status")
        reply = status();
    else
        reply = "error unknown\n";
    if (!put(fd, reply))
        syslog(LOG_WARNING, "reply: %m");
}

void Runner::run() {
    for (;;) {
        int fd = accept(listen_fd, nullptr, nullptr); // @L6?
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                sleep(1);
            else if (errno != EINTR && errno != ECONNABORTED)
                return;
            continue;
        }
        struct timeval tv = {10, 0};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv); // @E1
        handle(fd);
        close(fd);
        reap();
    }
}

int main() {
    openlog("jobrunner", LOG_PID, LOG_DAEMON);
    Runner r;
    if (!r.init())
        return 1;
    r.run();
    return 1;
}
