#pragma once
#include <QTcpSocket>

class Client : public QObject {
    Q_OBJECT
public:
    void start(const QString &host);
    void send(const QByteArray &line);

private:
    QTcpSocket m_socket;
};
