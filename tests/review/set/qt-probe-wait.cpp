// SPDX-License-Identifier: Apache-2.0
// correct: loops on state() and a retry loop around connectToServer(); all are bounded by a clock
// or an attempt counter, sleep in between, and look at each outcome
//
// waits until a daemon answers "ping" on its local socket, for start-up scripts:
//   probe-wait [-t SECONDS] NAME
#include <QCommandLineParser>
#include <QCoreApplication>
#include <QElapsedTimer>
#include <QLocalSocket>
#include <QTextStream>
#include <QThread>

#include <memory>

namespace
{

enum class Outcome
{
    Up,
    NotYet,
    Wrong
};

class Prober
{
public:
    Prober(QString name, int seconds) : name_(std::move(name)), limit_(qint64(seconds) * 1000)
    {
        clock_.start();
    }

    int attempts() const { return attempts_; }
    QString lastError() const { return lastError_; }

    bool waitUntilUp()
    {
        int pause = 20;
        while (left() > 0)
        {
            ++attempts_;
            switch (tryOnce())
            {
            case Outcome::Up:
                return true;
            case Outcome::Wrong:
                return false;
            case Outcome::NotYet:
                break;
            }
            QThread::msleep(static_cast<unsigned long>(qBound<qint64>(1, left(), pause)));
            pause = qMin(pause * 2, 1000);
        }
        return false;
    }

private:
    qint64 left() const { return limit_ - clock_.elapsed(); }

    std::unique_ptr<QLocalSocket> open()
    {
        auto socket = std::make_unique<QLocalSocket>();
        socket->connectToServer(name_);

        QElapsedTimer own;
        own.start();
        while (socket->state() != QLocalSocket::ConnectedState)
        {
            if (own.hasExpired(1000) || left() <= 0)
            {
                lastError_ = QStringLiteral("no answer to connect");
                return nullptr;
            }
            if (!socket->waitForConnected(100)
                && socket->error() != QLocalSocket::SocketTimeoutError)
            {
                lastError_ = socket->errorString();
                return nullptr;
            }
            if (socket->state() == QLocalSocket::UnconnectedState)
                return nullptr;
        }
        return socket;
    }

    Outcome tryOnce()
    {
        const std::unique_ptr<QLocalSocket> socket = open();
        if (!socket)
            return Outcome::NotYet;

        if (socket->write("ping\n") != 5)
        {
            lastError_ = socket->errorString();
            return Outcome::NotYet;
        }
        for (int round = 0; round < 10 && !socket->canReadLine(); ++round)
        {
            if (!socket->waitForReadyRead(200)
                && socket->error() != QLocalSocket::SocketTimeoutError)
            {
                lastError_ = socket->errorString();
                return Outcome::NotYet;
            }
        }
        if (!socket->canReadLine())
        {
            lastError_ = QStringLiteral("connected, but no pong");
            return Outcome::NotYet;
        }

        const QByteArray answer = socket->readLine(64).trimmed();
        if (answer == "pong")
            return Outcome::Up;
        lastError_ = QStringLiteral("somebody else answers there");
        return Outcome::Wrong;
    }

    QString name_;
    qint64 limit_;
    QElapsedTimer clock_;
    QString lastError_;
    int attempts_ = 0;
};

} // namespace

int main(int argc, char** argv)
{
    QCoreApplication app(argc, argv);
    QTextStream err(stderr);

    QCommandLineParser parser;
    parser.setApplicationDescription(QStringLiteral("wait for a daemon"));
    parser.addHelpOption();
    const QCommandLineOption timeout(QStringLiteral("t"), QStringLiteral("give up after"),
                                     QStringLiteral("seconds"), QStringLiteral("30"));
    parser.addOption(timeout);
    parser.addPositionalArgument(QStringLiteral("name"), QStringLiteral("local socket"));
    parser.process(app);

    const QStringList rest = parser.positionalArguments();
    bool isNumber = false;
    const int seconds = parser.value(timeout).toInt(&isNumber);
    if (rest.size() != 1 || !isNumber || seconds <= 0)
    {
        err << "usage: probe-wait [-t SECONDS] NAME\n";
        return 64;
    }

    Prober prober(rest.first(), seconds);
    if (prober.waitUntilUp())
        return 0;
    err << "probe-wait: " << rest.first() << ": " << prober.lastError() << " ("
        << prober.attempts() << " attempts)\n";
    return 1;
}
