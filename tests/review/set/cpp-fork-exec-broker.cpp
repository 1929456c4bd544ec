// SPDX-License-Identifier: Apache-2.0
// correct: forks and executes with sockets open, and the word that picks the program comes from
// the peer; all descriptors are close-on-exec, the word only selects from a fixed table, and the
// child gets no shell
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace broker {

class Descriptor final
{
public:
  Descriptor(int fd, const char* what) : fd_(fd)
  {
    if (fd < 0)
      throw std::system_error(errno, std::generic_category(), what);
  }
  ~Descriptor()
  {
    if (fd_ >= 0)
      close(fd_);
  }
  Descriptor(Descriptor&& that) noexcept : fd_(that.release()) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;

  operator int() const { return fd_; }
  int release()
  {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

private:
  int fd_;
};

const std::map<std::string, std::vector<const char*>> programs = {
  {"uptime", {"/usr/bin/uptime", nullptr}},
  {"disk", {"/bin/df", "-h", nullptr}},
  {"who", {"/usr/bin/who", nullptr}},
};

class Listener
{
public:
  explicit Listener(const std::string& path) : path_(path), fd_(make())
  {
    sockaddr_un sa;
    memset(&sa, 0, sizeof(sa));
    sa.sun_family = AF_UNIX;
    if (path_.size() >= sizeof(sa.sun_path))
      throw std::invalid_argument(path_ + ": too long");
    memcpy(sa.sun_path, path_.data(), path_.size());
    if (bind(fd_, reinterpret_cast<sockaddr*>(&sa), sizeof(sa)) < 0) {
      const int why = errno;
      if (why != EADDRINUSE || !abandoned(sa))
        throw std::system_error(why, std::generic_category(), path_);
      unlink(path_.c_str());
      if (bind(fd_, reinterpret_cast<sockaddr*>(&sa), sizeof(sa)) < 0)
        throw std::system_error(errno, std::generic_category(), path_);
    }
    bound_ = true;
    if (listen(fd_, 16) < 0) {
      const int why = errno;
      unlink(path_.c_str());
      throw std::system_error(why, std::generic_category(), "listen");
    }
  }
  ~Listener()
  {
    if (bound_)
      unlink(path_.c_str());
  }

  int fd() const { return fd_; }

private:
  static Descriptor make()
  {
    return Descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  }

  static bool abandoned(const sockaddr_un& sa)
  {
    const Descriptor probe = make();
    return connect(probe, reinterpret_cast<const sockaddr*>(&sa), sizeof(sa)) < 0 &&
           errno == ECONNREFUSED;
  }

  std::string path_;
  Descriptor fd_;
  bool bound_ = false;
};

bool say(int fd, const std::string& text)
{
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = send(fd, text.data() + done, text.size() - done, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

std::string readWord(int fd)
{
  std::string word;
  char c;
  while (word.size() < 32) {
    const ssize_t n = recv(fd, &c, 1, 0);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return {};
    if (c == '\n')
      return word;
    word.push_back(c);
  }
  return {};
}

void launch(const std::vector<const char*>& argv, int client)
{
  const pid_t pid = fork();
  if (pid < 0) {
    if (!say(client, "busy\n"))
      fprintf(stderr, "client left\n");
    return;
  }
  if (pid > 0)
    return;

  // dup2() clears close-on-exec on the copies, and only on those
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, nullptr) < 0 || dup2(client, STDIN_FILENO) < 0 ||
      dup2(client, STDOUT_FILENO) < 0)
    _exit(126);
  execv(argv[0], const_cast<char* const*>(argv.data()));
  _exit(127);
}

void reap()
{
  int status;
  for (;;) {
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0)
      return;
    if (WIFSIGNALED(status))
      fprintf(stderr, "%d: signal %d\n", static_cast<int>(pid), WTERMSIG(status));
  }
}

void handle(int listener)
{
  const int raw = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (raw < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
      usleep(100 * 1000);
    else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
      throw std::system_error(errno, std::generic_category(), "accept");
    return;
  }
  const Descriptor client(raw, "accept");
  const timeval limit = {2, 0};
  if (setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
      setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
    return;
  const auto found = programs.find(readWord(client));
  if (found != programs.end())
    launch(found->second, client);
  else if (!say(client, "unknown\n"))
    fprintf(stderr, "client left\n");
}

int run(const std::string& path)
{
  sigset_t set;
  sigemptyset(&set);
  for (int s : {SIGCHLD, SIGTERM, SIGINT})
    sigaddset(&set, s);
  if (sigprocmask(SIG_BLOCK, &set, nullptr) < 0)
    throw std::system_error(errno, std::generic_category(), "sigprocmask");
  const Descriptor signals(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
  const Listener listener(path);

  pollfd fds[] = {{listener.fd(), POLLIN, 0}, {signals, POLLIN, 0}};
  for (;;) {
    if (poll(fds, 2, -1) < 0) {
      if (errno == EINTR)
        continue;
      throw std::system_error(errno, std::generic_category(), "poll");
    }
    if (fds[1].revents) {
      signalfd_siginfo info;
      while (read(signals, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
        if (info.ssi_signo != SIGCHLD)
          return 0;
      }
      reap();
    }
    if (fds[0].revents)
      handle(listener.fd());
  }
}

} // namespace broker

int main(int argc, char** argv)
{
  try {
    return broker::run(argc > 1 ? argv[1] : "/run/broker.sock");
  } catch (const std::exception& e) {
    fprintf(stderr, "broker: %s\n", e.what());
    return EXIT_FAILURE;
  }
}
