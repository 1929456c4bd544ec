// SPDX-License-Identifier: Apache-2.0
// correct: loops that retry connect() and poll(), descriptors moved out through std::optional,
// read() results added up by hand; one deadline bounds every loop, and the moved value owns the
// socket
//
// keyctl-style client:  kv get NAME | kv set NAME VALUE
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using Clock = std::chrono::steady_clock;

class Deadline
{
  public:
    explicit Deadline(std::chrono::milliseconds limit) : end_(Clock::now() + limit) {}
    bool passed() const { return Clock::now() >= end_; }
    int left() const
    {
        auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(end_ - Clock::now()).count();
        return ms > 0 ? static_cast<int>(ms) + 1 : 0;
    }

  private:
    Clock::time_point end_;
};

class Channel
{
  public:
    static std::optional<Channel> dial(const std::string &path, const Deadline &deadline);

    Channel(Channel &&o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
    Channel &operator=(Channel &&o) noexcept
    {
        std::swap(fd_, o.fd_);
        return *this;
    }
    ~Channel()
    {
        if (fd_ != -1)
            close(fd_);
    }

    bool send(std::string_view data, const Deadline &deadline);
    bool receive(void *to, std::size_t size, const Deadline &deadline);

  private:
    explicit Channel(int fd) : fd_(fd) {}
    bool ready(short events, const Deadline &deadline) const;

    int fd_;
};

bool Channel::ready(short events, const Deadline &deadline) const
{
    pollfd p{fd_, events, 0};
    while (true)
    {
        const int n = poll(&p, 1, deadline.left());
        if (n > 0)
            return true;
        if (n == 0)
        {
            errno = ETIMEDOUT;
            return false;
        }
        if (errno != EINTR)
            return false;
        if (deadline.passed())
        {
            errno = ETIMEDOUT;
            return false;
        }
    }
}

std::optional<Channel> Channel::dial(const std::string &path, const Deadline &deadline)
{
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    if (path.size() >= sizeof to.sun_path)
    {
        errno = ENAMETOOLONG;
        return std::nullopt;
    }
    path.copy(to.sun_path, sizeof to.sun_path - 1);

    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return std::nullopt;
    Channel channel(fd);

    while (connect(fd, reinterpret_cast<sockaddr *>(&to), sizeof to) == -1)
    {
        // a local socket says EAGAIN when the backlog is full
        if (errno != EAGAIN && errno != EINTR)
            return std::nullopt;
        if (deadline.passed())
        {
            errno = ETIMEDOUT;
            return std::nullopt;
        }
        const timespec pause{0, 20 * 1000 * 1000};
        nanosleep(&pause, nullptr);
    }
    return channel;
}

bool Channel::send(std::string_view data, const Deadline &deadline)
{
    while (!data.empty())
    {
        const ssize_t n = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
        if (n >= 0)
        {
            data.remove_prefix(static_cast<std::size_t>(n));
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN || !ready(POLLOUT, deadline))
            return false;
    }
    return true;
}

bool Channel::receive(void *to, std::size_t size, const Deadline &deadline)
{
    auto *at = static_cast<char *>(to);
    while (size > 0)
    {
        const ssize_t n = recv(fd_, at, size, 0);
        if (n > 0)
        {
            at += n;
            size -= static_cast<std::size_t>(n);
        }
        else if (n == 0)
        {
            errno = ECONNRESET;
            return false;
        }
        else if (errno == EAGAIN)
        {
            if (!ready(POLLIN, deadline))
                return false;
        }
        else if (errno != EINTR)
        {
            return false;
        }
    }
    return true;
}

struct Answer
{
    bool found;
    std::string value;
};

static std::string frame(const std::vector<std::string> &words)
{
    std::string out;
    out.push_back(static_cast<char>(words.size()));
    for (const auto &word : words)
    {
        out.push_back(static_cast<char>(word.size() >> 8));
        out.push_back(static_cast<char>(word.size() & 0xff));
        out += word;
    }
    return out;
}

static std::optional<Answer> ask(const std::string &path, const std::vector<std::string> &words)
{
    const Deadline deadline(std::chrono::seconds(5));
    auto channel = Channel::dial(path, deadline);
    if (!channel)
        return std::nullopt;
    if (!channel->send(frame(words), deadline))
        return std::nullopt;

    std::uint8_t head[3];
    if (!channel->receive(head, sizeof head, deadline))
        return std::nullopt;
    // two bytes of length: 64 KiB at most
    Answer answer{head[0] == 1, std::string(static_cast<std::size_t>(head[1]) << 8 | head[2], '\0')};
    if (!channel->receive(answer.value.data(), answer.value.size(), deadline))
        return std::nullopt;
    return answer;
}

int main(int argc, char **argv)
{
    const std::vector<std::string> args(argv + 1, argv + argc);
    const bool get = args.size() == 2 && args[0] == "get";
    const bool set = args.size() == 3 && args[0] == "set";
    if (!get && !set)
    {
        std::cerr << "usage: kv get NAME | kv set NAME VALUE\n";
        return 64;
    }
    for (const auto &word : args)
    {
        if (word.size() > 0xffff)
        {
            std::cerr << "kv: argument too long\n";
            return 64;
        }
    }

    const char *path = std::getenv("KV_SOCKET");
    const auto answer = ask(path ? path : "/run/kv.sock", args);
    if (!answer)
    {
        std::cerr << "kv: " << std::strerror(errno) << '\n';
        return 1;
    }
    if (!answer->found)
        return 2;
    if (get)
        std::cout << answer->value << '\n';
    return 0;
}
