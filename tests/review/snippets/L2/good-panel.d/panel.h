#pragma once
#include <QObject>

class QLocalServer;
class QLocalSocket;

class Panel : public QObject
{
    Q_OBJECT
public:
    explicit Panel(QObject *parent = nullptr);
    ~Panel() override;
    bool start(const QString &name);

private:
    QLocalServer *server = nullptr;
    QLocalSocket *peer = nullptr;
};
