#include "client.h"

void Client::start(const QString &host)
{
    m_socket.connectToHost(host, 7000); // E5
}

void Client::send(const QByteArray &line)
{
    m_socket.write(line);
}
