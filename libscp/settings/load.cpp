#include "settings/load.hpp"
