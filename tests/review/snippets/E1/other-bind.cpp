class Keys;

void good_method(Mode *mode)
{
	Keys *k = mode->bind();
	k->set(1);
}
