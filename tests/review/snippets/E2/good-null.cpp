#include <QLocalServer>
#include <QLocalSocket>

class Hub : public QObject {
public:
    void all();
    void asked();
    void tested();

private:
    QLocalServer m_server;
};

void Hub::all()
{
    while (QLocalSocket *peer = m_server.nextPendingConnection()) {
        peer->setReadBufferSize(8192);
        connect(peer, &QLocalSocket::disconnected, peer, &QObject::deleteLater);
    }
}

void Hub::asked()
{
    while (m_server.hasPendingConnections()) {
        QLocalSocket *peer = m_server.nextPendingConnection();

        peer->setReadBufferSize(8192);
        connect(peer, &QLocalSocket::disconnected, peer, &QObject::deleteLater);
    }
}

void Hub::tested()
{
    QLocalSocket *peer = m_server.nextPendingConnection();

    if (!peer)
        return;
    peer->setReadBufferSize(8192);
    connect(peer, &QLocalSocket::disconnected, peer, &QObject::deleteLater);
}
