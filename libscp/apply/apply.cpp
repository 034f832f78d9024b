#include "apply/apply.hpp"
