// Qt and the standard library: what has come so far is not the message.
#include <QJsonDocument>
#include <QLocalSocket>
#include <sys/socket.h>
#include <system_error>
#include <vector>

class Peer : public QObject {
    Q_OBJECT
public:
    explicit Peer(QLocalSocket *socket);
    void handle(const QJsonDocument &document);
    void dispatch(const QByteArray &json);
    void readReply();

private slots:
    void incoming();

private:
    QLocalSocket *m_socket;
    QByteArray m_reply;
};

Peer::Peer(QLocalSocket *socket) : m_socket(socket)
{
    connect(m_socket, &QLocalSocket::readyRead, this, &Peer::incoming);
    connect(m_socket, &QLocalSocket::readyRead, this, [this, socket] {
        const QByteArray json = socket->readAll(); // E3
        dispatch(json);
    });
}

void Peer::incoming()
{
    QJsonParseError error;

    handle(QJsonDocument::fromJson(m_socket->readAll(), &error)); // E3
}

void Peer::dispatch(const QByteArray &json)
{
    handle(QJsonDocument::fromJson(json));
}

void Peer::readReply()
{
    m_reply.resize(64);
    m_socket->read(m_reply.data(), 64); // E3
    dispatch(m_reply);
}

std::vector<char> fetch(int fd)
{
    std::vector<char> data(256);
    const ssize_t got = ::recv(fd, data.data(), data.size(), 0); // E3

    if (got < 0)
        throw std::system_error(errno, std::generic_category(), "recv");
    return data;
}
