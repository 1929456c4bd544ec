#include <QLocalServer>
#include <QLocalSocket>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTimer>

class Hub : public QObject
{
    Q_OBJECT
public:
    void onLocal();
    void onOld();
    void onBoth();

private slots:
    void onReadyRead();

private:
    QLocalServer m_server;
    QTcpServer m_tcp;
    int m_count = 0;
};

void Hub::onLocal()
{
    QLocalSocket *peer = m_server.nextPendingConnection(); // L3

    if (!peer)
        return;
    connect(peer, &QLocalSocket::readyRead, this, &Hub::onReadyRead);
}

void Hub::onOld()
{
    QLocalSocket *peer = m_server.nextPendingConnection(); // L3

    connect(peer, SIGNAL(readyRead()), this, SLOT(onReadyRead()));
}

void Hub::onBoth()
{
    while (m_tcp.hasPendingConnections()) {
        QTcpSocket *peer = m_tcp.nextPendingConnection(); // L3
        connect(peer, &QTcpSocket::readyRead, this, [this, peer] {
            m_count += int(peer->bytesAvailable());
        });
    }
}
