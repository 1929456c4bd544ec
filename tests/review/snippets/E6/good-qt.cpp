#include <QLocalSocket>

bool reply(QLocalSocket *socket, const QByteArray &text)
{
    return socket->write(text) == text.size();
}
