#include <QLocalServer>
#include <QLocalSocket>

class Hub : public QObject {
    Q_OBJECT
public slots:
    void one();
    void two();

private:
    QLocalServer m_server;
};

void Hub::one()
{
    QLocalSocket *peer = m_server.nextPendingConnection();

    peer->setReadBufferSize(8192); // E2
    connect(peer, &QLocalSocket::disconnected, peer, &QObject::deleteLater);
}

void Hub::two()
{
    auto peer = m_server.nextPendingConnection();

    connect(peer, &QLocalSocket::disconnected, peer, &QObject::deleteLater);
    peer->write("hello\n"); // E2
}
