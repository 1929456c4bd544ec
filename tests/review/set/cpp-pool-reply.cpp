// SPDX-License-Identifier: Apache-2.0
// correct: sockets go into lambdas that run on other threads and nobody closes them there, and a
// condition variable waits without a limit; the last shared_ptr closes, and stop() wakes every
// waiter
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

class Socket {
    int m_fd;

public:
    explicit Socket(int fd) : m_fd{fd} {}
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() { if (m_fd >= 0) ::close(m_fd); }

    [[nodiscard]] int fd() const { return m_fd; }
    [[nodiscard]] bool valid() const { return m_fd >= 0; }

    [[nodiscard]] std::optional<std::string> readLine(std::size_t limit) const
    {
        std::string line;
        std::array<char, 256> buf{};
        while (line.size() < limit) {
            const auto n = ::recv(m_fd, buf.data(), buf.size(), 0);
            if (n == 0)
                return std::nullopt;
            if (n < 0) {
                if (errno == EINTR)
                    continue;
                return std::nullopt;
            }
            line.append(buf.data(), static_cast<std::size_t>(n));
            if (const auto end = line.find('\n'); end != std::string::npos) {
                line.resize(end);
                return line;
            }
        }
        return std::nullopt;
    }

    bool writeAll(const std::string& text) const
    {
        for (std::size_t at = 0; at < text.size();) {
            const auto n = ::send(m_fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return false;
            at += static_cast<std::size_t>(n);
        }
        return true;
    }
};

class Pool {
    std::mutex m_lock;
    std::condition_variable m_wake;
    std::deque<std::function<void()>> m_jobs;
    std::vector<std::thread> m_threads;
    bool m_stop = false;

    void work()
    {
        for (;;) {
            std::function<void()> job;
            {
                std::unique_lock guard{m_lock};
                m_wake.wait(guard, [this] { return m_stop || !m_jobs.empty(); });
                if (m_stop)
                    return;
                job = std::move(m_jobs.front());
                m_jobs.pop_front();
            }
            try {
                job();
            } catch (const std::exception& e) {
                std::fprintf(stderr, "job: %s\n", e.what());
            }
        }
    }

public:
    explicit Pool(unsigned count)
    {
        try {
            while (count-- > 0)
                m_threads.emplace_back(&Pool::work, this);
        } catch (...) {
            stop();
            throw;
        }
    }
    ~Pool() { stop(); }

    void stop()
    {
        {
            std::lock_guard guard{m_lock};
            m_stop = true;
        }
        m_wake.notify_all();
        for (auto& t : m_threads)
            if (t.joinable())
                t.join();
    }

    bool submit(std::function<void()> job)
    {
        {
            std::lock_guard guard{m_lock};
            if (m_stop || m_jobs.size() >= 256)
                return false;
            m_jobs.push_back(std::move(job));
        }
        m_wake.notify_one();
        return true;
    }
};

static int g_stopEvent = -1;

extern "C" void onTerminate(int)
{
    const std::uint64_t one = 1;
    const int saved = errno;
    if (::write(g_stopEvent, &one, sizeof one) < 0)
        _exit(1);
    errno = saved;
}

static void answer(const std::shared_ptr<Socket>& peer)
{
    const auto question = peer->readLine(512);
    if (!question)
        return;
    unsigned long sum = 5381;
    for (const unsigned char c : *question)
        sum = sum * 33 + c;
    if (!peer->writeAll(std::to_string(sum) + "\n"))
        std::fprintf(stderr, "reply lost\n");
}

static std::shared_ptr<Socket> listenOn(std::uint16_t port)
{
    auto s = std::make_shared<Socket>(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!s->valid() || ::setsockopt(s->fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0
        || ::bind(s->fd(), reinterpret_cast<sockaddr*>(&at), sizeof at) < 0
        || ::listen(s->fd(), 64) < 0)
        throw std::system_error{errno, std::generic_category(), "listen"};
    return s;
}

int main()
{
    try {
        const Socket stopEvent{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
        if (!stopEvent.valid())
            throw std::system_error{errno, std::generic_category(), "eventfd"};
        g_stopEvent = stopEvent.fd();
        struct sigaction sa{};
        sa.sa_handler = onTerminate;
        sa.sa_flags = SA_RESTART;
        if (::sigaction(SIGTERM, &sa, nullptr) < 0 || ::sigaction(SIGINT, &sa, nullptr) < 0)
            throw std::system_error{errno, std::generic_category(), "sigaction"};

        const auto listener = listenOn(7402);
        Pool pool{4};
        std::array<pollfd, 2> fds{{{listener->fd(), POLLIN, 0}, {stopEvent.fd(), POLLIN, 0}}};
        for (;;) {
            if (::poll(fds.data(), fds.size(), -1) < 0) {
                if (errno == EINTR)
                    continue;
                throw std::system_error{errno, std::generic_category(), "poll"};
            }
            if (fds[1].revents != 0)
                break;

            auto peer = std::make_shared<Socket>(::accept4(listener->fd(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!peer->valid()) {
                if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                    std::this_thread::sleep_for(std::chrono::milliseconds{250});
                else if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK)
                    throw std::system_error{errno, std::generic_category(), "accept"};
                continue;
            }
            const timeval limit{3, 0};
            if (::setsockopt(peer->fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0
                || ::setsockopt(peer->fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0)
                continue;
            if (!pool.submit([peer] { answer(peer); }) && !peer->writeAll("busy\n"))
                std::fprintf(stderr, "refusal lost\n");
        }
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "pool-reply: %s\n", e.what());
        return 1;
    }
}
