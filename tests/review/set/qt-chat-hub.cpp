// SPDX-License-Identifier: Apache-2.0
// correct: Participant objects and sockets are made with new and never deleted by name; the
// parent chain and disconnected->deleteLater take them, and the hub keeps QPointers
#include <QCoreApplication>
#include <QDateTime>
#include <QDebug>
#include <QHash>
#include <QLocalServer>
#include <QLocalSocket>
#include <QPointer>
#include <QTimer>
#include <QVector>

namespace chat {

constexpr int MaxNick = 24;
constexpr int MaxLine = 1024;
constexpr int MaxPeers = 64;

class Participant : public QObject
{
    Q_OBJECT

  public:
    Participant(QLocalSocket *socket, QObject *parent)
      : QObject(parent), m_socket(socket)
    {
        socket->setParent(this);
        socket->setReadBufferSize(4 * MaxLine);
        connect(socket, &QLocalSocket::readyRead, this, &Participant::readLines);
        connect(socket, &QLocalSocket::disconnected, this, [this] {
            emit left(this);
            deleteLater();
        });
    }

    QString nick() const { return m_nick; }

    void post(const QString &text)
    {
        if (!m_socket || m_socket->state() != QLocalSocket::ConnectedState)
            return;
        if (m_socket->bytesToWrite() > 64 * MaxLine) {
            m_socket->abort();
            return;
        }
        m_socket->write(text.toUtf8() + '\n');
    }

    void drop(const QString &reason)
    {
        post(QStringLiteral("* ") + reason);
        if (m_socket)
            m_socket->disconnectFromServer();
    }

  signals:
    void said(chat::Participant *from, const QString &text);
    void renamed(chat::Participant *who, const QString &before);
    void left(chat::Participant *who);

  private:
    void readLines()
    {
        while (m_socket && m_socket->canReadLine()) {
            const QByteArray raw = m_socket->readLine(MaxLine + 1);
            if (!raw.endsWith('\n')) {
                drop(tr("line too long"));
                return;
            }
            const QString text = QString::fromUtf8(raw).trimmed();
            if (text.startsWith(QLatin1String("/nick "))) {
                const QString before = m_nick;
                m_nick = text.mid(6).left(MaxNick);
                emit renamed(this, before);
            } else if (text == QLatin1String("/quit")) {
                drop(tr("bye"));
                return;
            } else if (!text.isEmpty()) {
                emit said(this, text);
            }
        }
        if (m_socket && m_socket->bytesAvailable() > MaxLine)
            drop(tr("line too long"));
    }

    QPointer<QLocalSocket> m_socket;
    QString m_nick = QStringLiteral("guest");
};

class Hub : public QObject
{
    Q_OBJECT

  public:
    explicit Hub(QObject *parent = nullptr) : QObject(parent)
    {
        m_server = new QLocalServer(this);
        connect(m_server, &QLocalServer::newConnection, this, &Hub::welcome);

        auto *clock = new QTimer(this);
        clock->setInterval(60 * 60 * 1000);
        connect(clock, &QTimer::timeout, this, [this] {
            broadcast(QStringLiteral("* it is ") + QTime::currentTime().toString());
        });
        clock->start();
    }

    bool listen(const QString &name)
    {
        if (!m_server->listen(name)) {
            qCritical().noquote() << m_server->errorString();
            return false;
        }
        qInfo().noquote() << "chat on" << m_server->fullServerName();
        return true;
    }

  private:
    void welcome()
    {
        for (;;) {
            QLocalSocket *socket = m_server->nextPendingConnection();
            if (!socket)
                return;
            auto *who = new Participant(socket, this);
            connect(who, &Participant::said, this, [this](Participant *from, const QString &text) {
                broadcast(QStringLiteral("<%1> %2").arg(from->nick(), text));
            });
            connect(who, &Participant::renamed, this, [this](Participant *w, const QString &before) {
                broadcast(QStringLiteral("* %1 is now %2").arg(before, w->nick()));
            });
            connect(who, &Participant::left, this, &Hub::forget);
            if (m_peers.size() >= MaxPeers) {
                who->drop(tr("full"));
                continue;
            }
            m_peers.append(who);
            broadcast(QStringLiteral("* someone joined"));
        }
    }

    void forget(Participant *who)
    {
        m_peers.removeAll(QPointer<Participant>(who));
        broadcast(QStringLiteral("* %1 left").arg(who->nick()));
    }

    void broadcast(const QString &text)
    {
        const auto peers = m_peers;
        for (const QPointer<Participant> &peer : peers) {
            if (peer)
                peer->post(text);
        }
    }

    QLocalServer *m_server;
    QVector<QPointer<Participant>> m_peers;
};

} // namespace chat

int main(int argc, char *argv[])
{
    QCoreApplication app(argc, argv);
    auto *hub = new chat::Hub(&app);
    if (!hub->listen(app.arguments().value(1, QStringLiteral("chathub"))))
        return EXIT_FAILURE;
    return app.exec();
}

#include "qt-chat-hub.moc"
