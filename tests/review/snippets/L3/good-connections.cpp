#include <QLocalServer>
#include <QLocalSocket>
#include <QTcpServer>
#include <QTcpSocket>
#include <memory>

// Each class has its own way to end what it accepted.
class ByItself : public QObject
{
    void onConnection()
    {
        QLocalSocket *peer = m_server.nextPendingConnection();

        if (!peer)
            return;
        connect(peer, &QLocalSocket::disconnected, peer, &QObject::deleteLater);
    }
    QLocalServer m_server;
};

class OldStyle : public QObject
{
    void onConnection()
    {
        while (m_server->hasPendingConnections()) {
            QTcpSocket *peer = m_server->nextPendingConnection();
            connect(peer, SIGNAL(disconnected()), peer, SLOT(deleteLater()));
        }
    }
    QTcpServer *m_server;
};

class BySlot : public QObject
{
    void onConnection()
    {
        QLocalSocket *peer = m_server.nextPendingConnection();

        connect(peer, &QLocalSocket::disconnected, this, &BySlot::onGone);
    }
    void onGone()
    {
        QLocalSocket *peer = qobject_cast<QLocalSocket *>(sender());

        if (peer)
            peer->deleteLater();
    }
    QLocalServer m_server;
};

class Session : public QObject
{
public:
    Session(QLocalSocket *socket, QObject *parent);
};

class ByObject : public QObject
{
    void onConnection() { new Session(m_server.nextPendingConnection(), this); }
    QLocalServer m_server;
};

class ByLambda : public QObject
{
    void onConnection()
    {
        QTcpSocket *peer = m_server.nextPendingConnection();

        connect(peer, &QTcpSocket::disconnected, this, [peer] { peer->deleteLater(); });
    }
    QTcpServer m_server;
};

class InPointer : public QObject
{
    void onConnection() { m_peer.reset(m_server.nextPendingConnection()); }
    QLocalServer m_server;
    std::unique_ptr<QLocalSocket> m_peer;
};

class InList : public QObject
{
public:
    ~InList() override { qDeleteAll(m_peers); }

private:
    void onConnection() { m_peers.append(m_server.nextPendingConnection()); }
    QLocalServer m_server;
    QList<QLocalSocket *> m_peers;
};

class AtOnce : public QObject
{
    void onConnection()
    {
        QLocalSocket *peer = m_server.nextPendingConnection();

        if (!peer)
            return;
        peer->abort();
        delete peer;
    }
    QLocalServer m_server;
};
