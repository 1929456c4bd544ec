// SPDX-License-Identifier: Apache-2.0
// defects:
// L4 Session closes its descriptor and can be copied: the copy closes it again
// E2 accept() may return -1, which goes into a Session
// W2 the wait for a reply spins on a non-blocking socket
// W3 poll() without a limit, for one reply
// E1 connect() is called and its result thrown away
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

namespace relay {

class Session {  // @L4?
  int fd_ = -1;
  std::string user_;

 public:
  Session(int fd, std::string user) : fd_(fd), user_(std::move(user)) {}
  ~Session() {
    if (fd_ >= 0) close(fd_);  // @L4
  }

  int fd() const { return fd_; }
  const std::string& user() const { return user_; }

  bool say(const std::string& text) const {
    std::size_t at = 0;
    while (at < text.size()) {
      const ssize_t n = ::send(fd_, text.data() + at, text.size() - at, MSG_NOSIGNAL);
      if (n < 0) {
        if (errno == EINTR) continue;
        return false;
      }
      at += static_cast<std::size_t>(n);
    }
    return true;
  }
};

class Upstream {
 public:
  explicit Upstream(const std::string& path) {
    sockaddr_un sa{};
    sa.sun_family = AF_UNIX;
    path.copy(sa.sun_path, sizeof(sa.sun_path) - 1);
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) throw std::runtime_error("socket");
    ::connect(fd_, reinterpret_cast<sockaddr*>(&sa), sizeof(sa));  // @E1 @W4?
  }
  ~Upstream() { ::close(fd_); }
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  std::string ask(const std::string& question) {
    std::size_t at = 0;
    while (at < question.size()) {
      const ssize_t n = ::send(fd_, question.data() + at, question.size() - at, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return {};
      at += static_cast<std::size_t>(n);
    }

    std::string answer;
    pollfd p{fd_, POLLIN, 0};
    for (;;) {  // @W1?
      const int ready = ::poll(&p, 1, -1);  // @W3
      if (ready < 0) {
        if (errno == EINTR) continue;
        return {};
      }
      char buf[256];
      const ssize_t n = ::recv(fd_, buf, sizeof(buf), 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return {};
      answer.append(buf, static_cast<std::size_t>(n));
      if (answer.size() > 4096) return {};
      const auto end = answer.find('\n');
      if (end != std::string::npos) return answer.substr(0, end + 1);
    }
  }

 private:
  int fd_;
};

static bool greet(const Session& s, std::string* name) {
  const int flags = ::fcntl(s.fd(), F_GETFL);
  if (flags < 0 || ::fcntl(s.fd(), F_SETFL, flags | O_NONBLOCK) < 0) return false;
  if (!s.say("name?\n")) return false;

  name->clear();
  bool complete = false;
  while (!complete) {  // @W2 @W1?
    char c;
    const ssize_t n = ::recv(s.fd(), &c, 1, 0);
    if (n < 0) {
      if (errno == EAGAIN || errno == EINTR) continue;  // @W2?
      return false;
    }
    if (n == 0) return false;
    if (c == '\n')
      complete = true;
    else
      name->push_back(c);
    if (name->size() > 32) return false;
  }
  return ::fcntl(s.fd(), F_SETFL, flags) == 0;
}

static int openListener(const char* name) {
  sockaddr_un sa{};
  sa.sun_family = AF_UNIX;
  const std::size_t len = std::strlen(name);
  if (len + 1 > sizeof(sa.sun_path)) return -1;
  std::memcpy(sa.sun_path + 1, name, len);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const socklen_t size = static_cast<socklen_t>(sizeof(sa_family_t) + 1 + len);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&sa), size) < 0 || ::listen(fd, 8) < 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

}  // namespace relay

int main(int argc, char** argv) {
  using relay::Session;
  const char* upstreamPath = argc > 1 ? argv[1] : "/run/upstream.sock";

  const int listener = relay::openListener("relay-front");
  if (listener < 0) {
    std::perror("relay-front");
    return 1;
  }

  std::vector<Session> sessions;
  try {
    relay::Upstream upstream(upstreamPath);
    while (sessions.size() < 8) {
      const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);  // @E2? @E1? @E7?
      Session session(fd, "new");  // @E2
      std::string name;
      if (!relay::greet(session, &name)) continue;
      const std::string answer = upstream.ask("login " + name + "\n");
      if (answer != "ok\n") {
        if (!session.say("refused\n")) std::cerr << "refusal lost\n";
        continue;
      }
      sessions.push_back(session);  // @L4?
    }
    for (const Session& s : sessions)
      if (!s.say("start\n")) std::cerr << s.user() << " left\n";
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    ::close(listener);
    return 1;
  }
  ::close(listener);
  return 0;
}
