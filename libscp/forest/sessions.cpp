#include "forest/sessions.hpp"
