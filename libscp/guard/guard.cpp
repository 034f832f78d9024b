#include "guard/guard.hpp"
