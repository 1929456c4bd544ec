#include <QLocalSocket>
#include <QPushButton>

class Dialog : public QObject {
public:
    explicit Dialog(QPushButton *button);

private:
    QLocalSocket m_socket;
};

Dialog::Dialog(QPushButton *button)
{
    connect(button, &QPushButton::clicked, this, [this] {
        m_socket.connectToServer("daemon"); // E5
        m_socket.write("raise\n");
    });
}
